import assert from "node:assert/strict";
import { test } from "node:test";

import { PAD, Series, nearestTo, pointAt, range, scales, ticks } from "../../../static/js/panels/plot.js";

const points = [
  { step: 1, values: [10, 1] },
  { step: 6, values: [1, 0.1] },
  { step: 11, values: [0.1, 0.01] },
];

test("the axis is logarithmic: equal ratios are equally far apart", () => {
  const { y, x, plot } = scales(points, 11, 252 + PAD.right - 8, 126);
  assert.ok(Math.abs(y(10) - y(1) - (y(1) - y(0.1))) < 1e-9);
  assert.ok(y(10) < y(1));
  assert.equal(x(1), plot.x);
  assert.equal(x(11), plot.x + plot.w);
  assert.equal(x(6), plot.x + plot.w / 2);
});

test("the range holds all values but those far below", () => {
  const [low, high] = range(points);
  assert.ok(low < 0.01 && high > 10);
  assert.ok(Math.abs(range([{ step: 1, values: [100, 1e-9] }])[0] - 115e-5) < 1e-12);
  const [flatLow, flatHigh] = range([{ step: 1, values: [1] }]);
  assert.ok(Math.abs(flatHigh / flatLow - 4) < 1e-9);
});

test("ticks are round and few", () => {
  assert.deepEqual(ticks(0.9, 11), [1, 2, 5, 10]);
  assert.ok(ticks(1e-5, 1e3).length <= 5);
});

test("the pointer finds the nearest step that is known", () => {
  assert.equal(pointAt(points, 11, 100 + PAD.left + PAD.right, PAD.left + 60)?.step, 6);
  assert.equal(pointAt(points, 11, 152, -50)?.step, 1);
  assert.equal(nearestTo(points, 9)?.step, 11);
  assert.equal(nearestTo([], 9), null);
});

test("the series stays small and keeps its first and newest point", () => {
  const series = new Series(8);
  for (let step = 1; step <= 1000; step += 1) series.push(step, [step]);
  assert.ok(series.points.length <= 9);
  assert.equal(series.points[0].step, 1);
  assert.equal(series.points.at(-1).step, 1000);
  series.push(1000, [0]);
  assert.deepEqual(series.last.values, [1000]);
});

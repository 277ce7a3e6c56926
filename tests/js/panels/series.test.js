import assert from "node:assert/strict";
import { test } from "node:test";

import { Series } from "../../../static/js/panels/series.js";

test("the series stays small and keeps its first and newest point", () => {
  const series = new Series(8);
  for (let step = 1; step <= 1000; step += 1) series.push(step, [step]);
  assert.ok(series.points.length <= 9);
  assert.equal(series.points[0].step, 1);
  assert.equal(series.points.at(-1).step, 1000);
  series.push(1000, [0]);
  assert.deepEqual(series.last.values, [1000]);
});

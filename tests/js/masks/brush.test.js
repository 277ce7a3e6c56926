// The brush: how it falls off, that a line has no gaps, and the halves. Answers worked out by hand.

import assert from "node:assert/strict";
import { test } from "node:test";

import { falloff, fill, stroke } from "../../../static/js/masks/brush.js";

test("a brush is full in its middle, half at the middle of its soft part, nothing outside", () => {
  assert.equal(falloff(0, 10, 0.5), 1);
  assert.equal(falloff(5, 10, 0.5), 1);
  assert.equal(falloff(8, 10, 0.5), 0.5); // (10.5 - 8) / 5
  assert.equal(falloff(10.5, 10, 0.5), 0);
  // a hard brush still has an edge of one pixel
  assert.deepEqual([falloff(9.5, 10, 0), falloff(10, 10, 0), falloff(10.5, 10, 0)], [1, 0.5, 0]);
});

test("a quick stroke has no gaps, and touches only its box", () => {
  const size = { width: 40, height: 9 };
  const coverage = new Uint8ClampedArray(40 * 9);
  const box = stroke(coverage, size, { x: 5, y: 4.5 }, { x: 35, y: 4.5 }, 2, 0);
  for (let x = 5; x < 35; x += 1) assert.equal(coverage[4 * 40 + x], 255, `at ${x}`);
  assert.deepEqual(box, { left: 2, top: 1, right: 38, bottom: 8 });
  assert.equal(coverage[0], 0);
  assert.equal(coverage[4 * 40 + 39], 0);
});

test("drawing twice over a place does not harden its soft edge", () => {
  const size = { width: 21, height: 21 };
  const middle = { x: 10.5, y: 10.5 };
  const once = new Uint8ClampedArray(21 * 21);
  stroke(once, size, middle, middle, 8, 1);
  const twice = once.slice();
  stroke(twice, size, middle, middle, 8, 1);
  assert.deepEqual(twice, once);
  assert.equal(once[10 * 21 + 10], 255);
});

test("a stroke that leaves the picture is cut at its rim", () => {
  const coverage = new Uint8ClampedArray(16);
  const box = stroke(coverage, { width: 4, height: 4 }, { x: -50, y: 2 }, { x: 2, y: 2 }, 1, 0);
  assert.deepEqual([box.left, box.right <= 4], [0, true]);
  assert.ok(coverage.some((value) => value > 0));
});

test("a half is covered up to its seam, a half as wide as the softness says", () => {
  const size = { width: 8, height: 2 };
  const coverage = new Uint8ClampedArray(16);
  fill(coverage, size, "left", 0);
  assert.deepEqual([...coverage.slice(0, 8)], [255, 255, 255, 255, 0, 0, 0, 0]);
  fill(coverage, size, "right", 1); // the seam is two of eight pixels
  assert.deepEqual([...coverage.slice(8)], [0, 0, 0, 64, 191, 255, 255, 255]);
  fill(coverage, size, "top", 0);
  assert.deepEqual([coverage[0], coverage[8]], [255, 0]);
  fill(coverage, size, "bottom", 0);
  assert.deepEqual([coverage[0], coverage[8]], [0, 255]);
  fill(coverage, size, "all", 0);
  assert.ok(coverage.every((value) => value === 255));
});

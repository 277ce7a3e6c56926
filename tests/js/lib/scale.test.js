import assert from "node:assert/strict";
import { test } from "node:test";

import { fromLog, nearest, shares, sizesUpTo, toLog } from "../../../static/js/lib/scale.js";

test("the logarithmic slider hits its ends and its middle", () => {
  assert.equal(fromLog(0, 1, 200), 1);
  assert.equal(fromLog(1, 1, 200), 200);
  assert.equal(fromLog(0.5, 0.25, 4), 1);
  assert.equal(toLog(1, 0.25, 4), 0.5);
  assert.equal(toLog(1e9, 1, 200), 1);
});

test("sizes end at the limit of the server", () => {
  assert.deepEqual(sizesUpTo(300), [128, 192, 256, 300]);
  assert.deepEqual(sizesUpTo(64), [64]);
  assert.equal(sizesUpTo(2048).at(-1), 2048);
  assert.equal(nearest([128, 256, 512], 300), 1);
});

test("shares add up to one, and all zero means equal", () => {
  assert.deepEqual(shares([3, 1]), [0.75, 0.25]);
  assert.deepEqual(shares([0, 0, 0, 0]), [0.25, 0.25, 0.25, 0.25]);
});

// What belongs to a style moves with it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { follow } from "../../../static/js/lib/follow.js";

test("things follow their pictures when these are moved, added or removed", () => {
  assert.deepEqual(follow(["a", "b", "c"], ["c", "a", "b"]), [2, 0, 1]);
  assert.deepEqual(follow(["a", "b"], ["a", "b", "c"]), [0, 1, -1]);
  assert.deepEqual(follow(["a", "b", "c"], ["a", "c"]), [0, 2]);
  assert.deepEqual(follow([], ["a"]), [-1]);
});

test("a picture in the place of another takes what belonged to that place", () => {
  assert.deepEqual(follow(["a", "b"], ["a", "x"]), [0, 1]);
  assert.deepEqual(follow(["a", "b"], ["x", "y"]), [0, 1]);
});

test("the same picture twice is told apart by its place", () => {
  assert.deepEqual(follow(["a", "a"], ["a", "a"]), [0, 1]);
  assert.deepEqual(follow(["a", "b", "a"], ["b", "a", "a"]), [1, 0, 2]);
});

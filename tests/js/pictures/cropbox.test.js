// Which part of a picture is kept, worked out by hand.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isWhole, part, within } from "../../../static/js/pictures/cropbox.js";

const MIDDLE = { x: 0.5, y: 0.5 };
const WIDE = { width: 400, height: 200 };

test("the whole picture is kept until something is asked for", () => {
  const kept = part(WIDE, null, 1, MIDDLE);
  assert.deepEqual(kept, { x: 0, y: 0, width: 400, height: 200 });
  assert.equal(isWhole(kept, WIDE), true);
});

test("the largest part of an aspect touches two sides", () => {
  assert.deepEqual(part(WIDE, 1, 1, MIDDLE), { x: 100, y: 0, width: 200, height: 200 });
  assert.deepEqual(part({ width: 200, height: 400 }, 16 / 9, 1, MIDDLE), { x: 0, y: 144, width: 200, height: 113 });
  assert.equal(isWhole(part(WIDE, 1, 1, MIDDLE), WIDE), false);
});

test("half of it is half as wide and high", () => {
  assert.deepEqual(part(WIDE, null, 0.5, MIDDLE), { x: 100, y: 50, width: 200, height: 100 });
});

test("a part never sticks out", () => {
  assert.deepEqual(part(WIDE, 1, 1, { x: -3, y: 0 }), { x: 0, y: 0, width: 200, height: 200 });
  assert.deepEqual(part(WIDE, 1, 0.5, { x: 9, y: 9 }), { x: 300, y: 100, width: 100, height: 100 });
});

test("a tiny picture keeps at least what it has", () => {
  assert.deepEqual(part({ width: 1, height: 5000 }, 1, 0.2, MIDDLE), { x: 0, y: 2492, width: 1, height: 16 });
});

test("sizes are scaled down only", () => {
  assert.deepEqual(within({ width: 4000, height: 3000 }, 2048), { width: 2048, height: 1536 });
  assert.deepEqual(within({ width: 100, height: 50 }, 2048), { width: 100, height: 50 });
  assert.deepEqual(within({ width: 9000, height: 1 }, 2048), { width: 2048, height: 1 });
});

// The colours over the picture, pixel by pixel.

import assert from "node:assert/strict";
import { test } from "node:test";

import { COLORS, tint } from "../../../static/js/masks/tint.js";

const BOX = { left: 0, top: 0, right: 2, bottom: 1 };

function pixels(given, box = BOX, width = 2) {
  const rgba = new Uint8ClampedArray(4 * (box.right - box.left) * (box.bottom - box.top));
  tint(given, width, box, rgba);
  return [...rgba];
}

test("a place has the colour of its style, what nobody claims has none", () => {
  const masks = [new Uint8ClampedArray([255, 0]), new Uint8ClampedArray([0, 0])];
  assert.deepEqual(pixels(masks), [...COLORS[0], 153, 0, 0, 0, 0]);
});

test("the rest faintly has the colour of the one that takes it", () => {
  assert.deepEqual(pixels([new Uint8ClampedArray([255, 0]), null]), [...COLORS[0], 153, ...COLORS[1], 64]);
});

test("several that take the rest have stripes", () => {
  const mask = new Uint8ClampedArray(30);
  mask[0] = 255;
  const shown = pixels([mask, null, null], { left: 0, top: 0, right: 30, bottom: 1 }, 30);
  const at = (x) => shown.slice(4 * x, 4 * x + 4);
  assert.deepEqual([at(0), at(13), at(14), at(27), at(28)], [
    [...COLORS[0], 153],
    [...COLORS[1], 64],
    [...COLORS[2], 64],
    [...COLORS[2], 64],
    [...COLORS[1], 64],
  ]);
});

test("nothing painted shows nothing", () => {
  assert.deepEqual(pixels([null, null]), [0, 0, 0, 0, 0, 0, 0, 0]);
});

test("shared places have the colours in their shares, and only the box is drawn", () => {
  const masks = [new Uint8ClampedArray([0, 0, 0, 128]), new Uint8ClampedArray([0, 0, 0, 127])];
  const [red, green, blue, alpha] = pixels(masks, { left: 1, top: 1, right: 2, bottom: 2 });
  for (const [part, value] of [red, green, blue].entries()) {
    assert.ok(Math.abs(value - (COLORS[0][part] + COLORS[1][part]) / 2) <= 1);
  }
  assert.equal(alpha, 153);
});

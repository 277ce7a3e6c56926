// The painted areas: what is given to one style is taken from the others, and every step can be taken back.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ERASER, Layers, maskSize } from "../../../static/js/masks/layers.js";

const SIZE = { width: 8, height: 4 };
const HARD = { radius: 1, softness: 0 };
const at = (x, y) => y * 8 + x;

test("masks have the shape of the picture and 512 px on its longest side", () => {
  assert.deepEqual(maskSize(4000, 3000), { width: 512, height: 384 });
  assert.deepEqual(maskSize(60, 90), { width: 341, height: 512 });
  assert.deepEqual(maskSize(1, 5000), { width: 1, height: 512 });
});

test("a place belongs to the style that it was given to last", () => {
  const layers = new Layers(2, SIZE);
  assert.equal(layers.empty, true);
  layers.fill(0, "all", 0);
  layers.fill(1, "right", 0);
  assert.deepEqual([layers.masks[0][at(1, 1)], layers.masks[1][at(1, 1)]], [255, 0]);
  assert.deepEqual([layers.masks[0][at(6, 1)], layers.masks[1][at(6, 1)]], [0, 255]);
});

test("half a brush takes half", () => {
  const layers = new Layers(2, { width: 8, height: 2 });
  layers.fill(0, "all", 0);
  layers.fill(1, "right", 1); // the seam covers a quarter and three quarters
  assert.deepEqual([layers.masks[0][3], layers.masks[1][3]], [191, 64]);
  assert.deepEqual([layers.masks[0][4], layers.masks[1][4]], [64, 191]);
});

test("a style without an area takes the rest, and the eraser gives places back to nobody", () => {
  const layers = new Layers(3, SIZE);
  layers.fill(1, "left", 0);
  assert.deepEqual(layers.given.map(Boolean), [false, true, false]);
  layers.begin(ERASER);
  layers.draw({ x: 0, y: 0 }, { x: 8, y: 4 }, { radius: 20, softness: 0 });
  assert.equal(layers.empty, true);
});

test("traces that nobody sees are no area", () => {
  const layers = new Layers(1, SIZE);
  layers.load(0, new Uint8ClampedArray(32).fill(7));
  assert.equal(layers.has(0), false);
  layers.load(0, new Uint8ClampedArray(32).fill(8));
  assert.equal(layers.has(0), true);
});

test("undo takes back whole strokes, fills and the clearing", () => {
  const layers = new Layers(2, SIZE);
  layers.begin(0);
  layers.draw({ x: 1, y: 1 }, { x: 2, y: 1 }, HARD);
  layers.draw({ x: 2, y: 1 }, { x: 6, y: 1 }, HARD);
  const painted = layers.masks[0].slice();
  layers.clear();
  assert.equal(layers.empty, true);
  layers.undo();
  assert.deepEqual(layers.masks[0], painted);
  assert.equal(layers.canUndo, true);
  layers.undo();
  assert.deepEqual([layers.empty, layers.canUndo], [true, false]);
  layers.undo();
  assert.equal(layers.empty, true);
});

test("masks follow their styles, also those that undo brings back", () => {
  const layers = new Layers(2, SIZE);
  layers.fill(0, "left", 0);
  layers.fill(1, "right", 0);
  layers.rearrange([1, 0, -1]);
  assert.deepEqual([layers.masks[0][at(6, 0)], layers.masks[1][at(1, 0)], layers.has(2)], [255, 255, false]);
  layers.undo();
  assert.deepEqual([layers.has(0), layers.has(1), layers.masks.length], [false, true, 3]);
});

// The painted areas: one grey mask per style, changed by strokes that can be undone. Pure; knows no canvas.

import { fill, stroke } from "./brush.js";

/** @typedef {import("./brush.js").Point} Point */
/** @typedef {import("./brush.js").Box} Box */

const LONGEST_PX = 512;
const MOST_UNDO = 24;
// a mask as faint as this is a remnant that nobody meant; the server would refuse an empty one
const FAINT = 8;

/** The eraser paints for no style. */
export const ERASER = -1;

/** The size of masks for a picture of this size: the same shape, 512 px on its longest side. */
export function maskSize(width, height) {
  const scale = LONGEST_PX / Math.max(width, height);
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

export class Layers {
  #coverage;
  #base = /** @type {Uint8ClampedArray[]} */ ([]);
  #target = ERASER;
  #past = /** @type {Uint8ClampedArray[][]} */ ([]);

  /**
   * @param {number} count how many styles
   * @param {{width: number, height: number}} size px
   */
  constructor(count, { width, height }) {
    this.size = { width, height };
    /** @type {Uint8ClampedArray[]} */
    this.masks = Array.from({ length: count }, () => new Uint8ClampedArray(width * height));
    this.#coverage = new Uint8ClampedArray(width * height);
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  /** Whether a style has an area of its own. */
  has(index) {
    return this.masks[index].some((value) => value >= FAINT);
  }

  get empty() {
    return this.masks.every((_, index) => !this.has(index));
  }

  /** One mask per style; null where a style has no area of its own and takes what the others leave. */
  get given() {
    return this.masks.map((mask, index) => (this.has(index) ? mask : null));
  }

  /** From here on everything is one stroke for style `target` (or ERASER), until the next `begin`. */
  begin(target) {
    this.#base = this.masks.map((mask) => mask.slice());
    this.#past.push(this.#base);
    if (this.#past.length > MOST_UNDO) this.#past.shift();
    this.#target = target;
    this.#coverage.fill(0);
  }

  /**
   * Draw from `a` to `b` (in px of the mask); gives the box that changed.
   * @param {Point} a
   * @param {Point} b
   * @param {{radius: number, softness: number}} brush radius in px of the mask, softness 0..1
   * @returns {Box}
   */
  draw(a, b, { radius, softness }) {
    const box = stroke(this.#coverage, this.size, a, b, radius, softness);
    this.#blend(box);
    return box;
  }

  /** Give a half of the picture, or all of it, to `target`. @param {import("./brush.js").Side} side */
  fill(target, side, softness) {
    this.begin(target);
    fill(this.#coverage, this.size, side, softness);
    this.#blend(this.whole);
  }

  get whole() {
    return { left: 0, top: 0, right: this.size.width, bottom: this.size.height };
  }

  clear() {
    this.begin(ERASER);
    for (const mask of this.masks) mask.fill(0);
  }

  undo() {
    const before = this.#past.pop();
    if (before) this.masks = before;
  }

  /** Put a mask in place as it was kept, without a way back. @param {Uint8ClampedArray} values */
  load(index, values) {
    this.masks[index].set(values);
  }

  /** The styles have changed: place `i` takes the mask of former place `from[i]`, or an empty one for -1. */
  rearrange(from) {
    const turn = (masks) => from.map((old) => masks[old]?.slice() ?? new Uint8ClampedArray(this.#coverage.length));
    this.#past = this.#past.map(turn);
    this.masks = turn(this.masks);
  }

  // what is given to one style is taken from the others, so that a place belongs to the style that it was given to last
  #blend({ left, top, right, bottom }) {
    this.masks.forEach((mask, index) => {
      const base = this.#base[index];
      const goal = index === this.#target ? 255 : 0;
      for (let y = top; y < bottom; y += 1) {
        for (let at = y * this.size.width + left, end = y * this.size.width + right; at < end; at += 1) {
          mask[at] = base[at] + ((goal - base[at]) * this.#coverage[at]) / 255;
        }
      }
    });
  }
}

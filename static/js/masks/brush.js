// How much of each place a stroke or a fill covers. Pure; lengths in pixels of the mask.

/** @typedef {{x: number, y: number}} Point */
/** @typedef {{left: number, top: number, right: number, bottom: number}} Box right and bottom are not inside */
/** The smallest box around two; null is none. @param {Box | null} a @param {Box} b @returns {Box} */
export function around(a, b) {
  if (!a) return b;
  return {
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  };
}

/** @typedef {"left" | "right" | "top" | "bottom" | "all"} Side */

/**
 * What a round brush covers at `distance` from its middle: 1 inside, falling smoothly to 0 at its radius.
 * @param {number} distance
 * @param {number} radius
 * @param {number} softness 0..1: the share of the radius over which it falls, never less than a pixel
 */
export function falloff(distance, radius, softness) {
  const soft = Math.max(1, radius * softness);
  const rise = Math.min(1, Math.max(0, (radius + 0.5 - distance) / soft));
  return rise * rise * (3 - 2 * rise);
}

/**
 * Raise `coverage` (0..255, row after row) to what a brush drawn from `a` to `b` covers; gives the box it touched.
 * Measured from the line itself, so a quick stroke has no gaps and a slow one no beads.
 * @param {Uint8ClampedArray} coverage
 * @param {{width: number, height: number}} size
 * @param {Point} a
 * @param {Point} b
 * @param {number} radius
 * @param {number} softness
 * @returns {Box}
 */
export function stroke(coverage, { width, height }, a, b, radius, softness) {
  const reach = radius + 1;
  const box = {
    left: Math.max(0, Math.floor(Math.min(a.x, b.x) - reach)),
    top: Math.max(0, Math.floor(Math.min(a.y, b.y) - reach)),
    right: Math.min(width, Math.ceil(Math.max(a.x, b.x) + reach)),
    bottom: Math.min(height, Math.ceil(Math.max(a.y, b.y) + reach)),
  };
  const along = { x: b.x - a.x, y: b.y - a.y };
  const squared = along.x ** 2 + along.y ** 2 || 1;
  for (let y = box.top; y < box.bottom; y += 1) {
    for (let x = box.left; x < box.right; x += 1) {
      const from = { x: x + 0.5 - a.x, y: y + 0.5 - a.y };
      const at = Math.min(1, Math.max(0, (from.x * along.x + from.y * along.y) / squared));
      const distance = Math.hypot(from.x - at * along.x, from.y - at * along.y);
      const value = 255 * falloff(distance, radius, softness);
      const index = y * width + x;
      if (value > coverage[index]) coverage[index] = value;
    }
  }
  return box;
}

/**
 * Cover one half of the picture, or all of it; the seam in the middle is as soft as the brush.
 * @param {Uint8ClampedArray} coverage
 * @param {{width: number, height: number}} size
 * @param {Side} side
 * @param {number} softness 0..1: the seam's share of a quarter of the picture
 */
export function fill(coverage, { width, height }, side, softness) {
  const across = side === "left" || side === "right";
  const length = across ? width : height;
  const seam = Math.max(1, (softness * length) / 4);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const beyond = ((across ? x : y) + 0.5 - length / 2) / seam + 0.5;
      const far = Math.min(1, Math.max(0, beyond));
      const share = side === "all" ? 1 : side === "left" || side === "top" ? 1 - far : far;
      coverage[y * width + x] = 255 * share;
    }
  }
}

// Which part of a picture is kept. Pure; lengths in pixels of the picture.

/** @typedef {{x: number, y: number, width: number, height: number}} Part */

// the aspects that are offered, as width over height; null is that of the picture itself
/** @type {[string, number | null][]} */
export const ASPECTS = [
  ["Original", null],
  ["1 : 1", 1],
  ["4 : 3", 4 / 3],
  ["3 : 2", 3 / 2],
  ["16 : 9", 16 / 9],
  ["3 : 4", 3 / 4],
  ["2 : 3", 2 / 3],
  ["9 : 16", 9 / 16],
];

const SMALLEST_PX = 16;

/**
 * The part of this aspect that fills a share of the picture around a middle, moved inside where it would extend beyond it.
 * @param {{width: number, height: number}} picture
 * @param {number | null} aspect
 * @param {number} share 0..1 of the largest such part
 * @param {{x: number, y: number}} middle 0..1 of width and height
 * @returns {Part} whole pixels
 */
export function part(picture, aspect, share, middle) {
  const shape = aspect ?? picture.width / picture.height;
  const largest = Math.min(picture.width, picture.height * shape);
  const width = whole(largest * share, picture.width);
  const height = whole((largest * share) / shape, picture.height);
  return {
    x: Math.round(clamp(middle.x * picture.width - width / 2, picture.width - width)),
    y: Math.round(clamp(middle.y * picture.height - height / 2, picture.height - height)),
    width,
    height,
  };
}

/** Whether it is the picture as it is. @param {Part} kept @param {{width: number, height: number}} picture */
export function isWhole(kept, picture) {
  return kept.width === picture.width && kept.height === picture.height;
}

/**
 * A size scaled down so that its longest side is at most `longest`; never up.
 * @param {{width: number, height: number}} size
 * @param {number} longest
 */
export function within({ width, height }, longest) {
  const scale = Math.min(1, longest / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

function whole(length, most) {
  return Math.round(Math.min(most, Math.max(length, Math.min(SMALLEST_PX, most))));
}

function clamp(value, most) {
  return Math.min(most, Math.max(0, value));
}

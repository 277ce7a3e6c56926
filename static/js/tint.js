// The colours laid over the picture while areas are painted: whose place is whose. Pure.

/** Red, green and blue of the styles A to D; --style-1 to --style-4 in masks.css are the same. */
export const COLORS = [
  [58, 86, 255],
  [245, 130, 20],
  [14, 165, 140],
  [206, 50, 150],
];
const PAINTED = 0.6;
const LEFT_OVER = 0.25;

/**
 * Fill `rgba` (4 bytes per pixel of the box) with the colours of the masks. What no style claims shows faintly the
 * colour of the styles that take the rest, or nothing when there are none.
 * @param {(Uint8ClampedArray | null)[]} given one mask per style, null for a style that takes the rest
 * @param {number} width px of the masks
 * @param {import("./brush.js").Box} box
 * @param {Uint8ClampedArray} rgba
 */
export function tint(given, width, { left, top, right, bottom }, rgba) {
  const rest = restColor(given);
  let out = 0;
  for (let y = top; y < bottom; y += 1) {
    for (let x = left; x < right; x += 1, out += 4) {
      const color = [0, 0, 0];
      let claimed = 0;
      for (let index = 0; index < given.length; index += 1) {
        const share = (given[index]?.[y * width + x] ?? 0) / 255;
        claimed += share;
        for (let part = 0; part < 3; part += 1) color[part] += share * COLORS[index][part];
      }
      const spare = rest ? Math.max(0, 1 - claimed) : 0;
      const alpha = PAINTED * Math.min(1, claimed) + LEFT_OVER * spare;
      // the two parts weigh as much as they cover
      const weight = PAINTED * claimed + LEFT_OVER * spare;
      for (let part = 0; part < 3; part += 1) {
        const mixed = PAINTED * color[part] + LEFT_OVER * spare * (rest?.[part] ?? 0);
        rgba[out + part] = weight > 0 ? mixed / weight : 0;
      }
      rgba[out + 3] = 255 * alpha;
    }
  }
}

function restColor(given) {
  const takers = COLORS.filter((_, index) => index < given.length && given[index] === null);
  if (takers.length === 0 || takers.length === given.length) return null;
  return [0, 1, 2].map((part) => takers.reduce((sum, color) => sum + color[part], 0) / takers.length);
}

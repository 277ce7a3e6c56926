// The colours laid over the picture while areas are painted: which style each place belongs to. Pure.

/** Red, green and blue of the styles A to D; --style-1 to --style-4 in masks.css are the same. */
export const COLORS = [
  [58, 86, 255],
  [245, 130, 20],
  [14, 165, 140],
  [206, 50, 150],
];
const PAINTED = 0.6;
const LEFT_OVER = 0.25;
const STRIPE_PX = 14;
const NOBODY = [0, 0, 0];

/**
 * Fill `rgba` (4 bytes per pixel of the box) with the colours of the masks. What no style claims shows faintly the
 * colour of the style that takes the rest, stripes when there are several, nothing when there are none.
 * @param {(Uint8ClampedArray | null)[]} given one mask per style, null for a style that takes the rest
 * @param {number} width px of the masks
 * @param {import("./brush.js").Box} box
 * @param {Uint8ClampedArray} rgba
 */
export function tint(given, width, { left, top, right, bottom }, rgba) {
  const takers = COLORS.filter((_, index) => index < given.length && given[index] === null);
  const hasTakers = takers.length > 0 && takers.length < given.length;
  const painted = given.flatMap((mask, index) => (mask ? [{ mask, color: COLORS[index] }] : []));
  let out = 0;
  for (let y = top; y < bottom; y += 1) {
    for (let x = left; x < right; x += 1, out += 4) {
      let [red, green, blue, claimed] = [0, 0, 0, 0];
      for (const { mask, color } of painted) {
        const share = mask[y * width + x] / 255;
        claimed += share;
        red += share * color[0];
        green += share * color[1];
        blue += share * color[2];
      }
      const spare = hasTakers ? Math.max(0, 1 - claimed) * LEFT_OVER : 0;
      const rest = hasTakers ? takers[Math.floor((x + y) / STRIPE_PX) % takers.length] : NOBODY;
      // the two parts weigh as much as they cover
      const weight = PAINTED * claimed + spare || 1;
      rgba[out] = (PAINTED * red + spare * rest[0]) / weight;
      rgba[out + 1] = (PAINTED * green + spare * rest[1]) / weight;
      rgba[out + 2] = (PAINTED * blue + spare * rest[2]) / weight;
      rgba[out + 3] = 255 * (PAINTED * Math.min(1, claimed) + spare);
    }
  }
}

// Where a picture lies in its frame when it is enlarged. Pure: a view is {scale, x, y}, x and y in CSS px of the frame.

export const WHOLE = Object.freeze({ scale: 1, x: 0, y: 0 });
export const LARGEST = 8;

/**
 * The view moved so that the picture covers the frame of `width` x `height` px, its scale between 1 and 8.
 * @param {{scale: number, x: number, y: number}} view
 */
export function settle({ scale, x, y }, width, height) {
  const kept = Math.min(LARGEST, Math.max(1, scale));
  const inside = (offset, room) => Math.min(0, Math.max(room * (1 - kept), offset)) || 0;
  return { scale: kept, x: inside(x, width), y: inside(y, height) };
}

/** The view enlarged by `factor` so that the point (px, py) of the frame stays where it is. */
export function zoomAt(view, factor, px, py, width, height) {
  const scale = Math.min(LARGEST, Math.max(1, view.scale * factor));
  const grown = scale / view.scale;
  return settle({ scale, x: px - (px - view.x) * grown, y: py - (py - view.y) * grown }, width, height);
}

export function panBy(view, dx, dy, width, height) {
  return settle({ ...view, x: view.x + dx, y: view.y + dy }, width, height);
}

/** From a share of the frame's width (0 to 1) to that of the picture behind it; may lie outside 0 to 1. */
export function shareOfPicture(view, share, width) {
  return width > 0 ? (share * width - view.x) / (view.scale * width) : share;
}

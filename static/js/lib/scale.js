// From slider positions to values and back. Pure.

/** Position 0..1 on a logarithmic scale from `min` to `max` (both above 0). */
export function fromLog(position, min, max) {
  return round(min * (max / min) ** position);
}

export function toLog(value, min, max) {
  const clamped = Math.min(max, Math.max(min, value));
  return Math.log(clamped / min) / Math.log(max / min);
}

function round(value) {
  return Number(value.toPrecision(value < 10 ? 2 : 3));
}

const SIZES = [64, 128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 1792, 2048, 2560, 3072, 4096, 6144, 8192];

/** The sizes a slider offers between 128 px (or the limit, if that is lower) and the limit in px. */
export function sizesUpTo(limit) {
  const sizes = SIZES.filter((size) => size >= Math.min(128, limit) && size <= limit);
  if (sizes[sizes.length - 1] !== limit) sizes.push(limit);
  return sizes;
}

export function nearest(values, wanted) {
  let best = 0;
  values.forEach((value, index) => {
    if (Math.abs(value - wanted) < Math.abs(values[best] - wanted)) best = index;
  });
  return best;
}

/** Non-negative numbers as shares of 1; equal shares when all are 0. */
export function shares(values) {
  const total = values.reduce((sum, value) => sum + value, 0);
  return values.map((value) => (total > 0 ? value / total : 1 / values.length));
}

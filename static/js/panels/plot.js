// The points of the chart of costs and where they lie: a logarithmic axis upwards, steps to the right. Pure.

export const PAD = { top: 8, right: 8, bottom: 18, left: 44 };

/** The lowest and highest value to show for these points ({step, values}). */
export function range(points) {
  const values = points.flatMap((point) => point.values).filter((value) => value > 0 && Number.isFinite(value));
  const high = Math.max(...values, 1e-9) * 1.15;
  // lines far below the rest would flatten those that matter
  const low = Math.max(Math.min(...values, high) / 1.15, high / 1e5);
  return high / low < 4 ? [high / 4, high] : [low, high];
}

/** At most five round values between low and high, each 1, 2 or 5 times a power of ten. */
export function ticks(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    for (const digit of [1, 2, 5]) {
      const value = digit * 10 ** power;
      if (value >= low && value <= high) found.push(value);
    }
  }
  const stride = Math.ceil(found.length / 4);
  return found.filter((_, index) => index % stride === 0);
}

/** {x(step), y(value), plot, low, high} for a canvas of this size in CSS px; `steps` is the last step of the axis. */
export function scales(points, steps, width, height) {
  const plot = { x: PAD.left, y: PAD.top, w: width - PAD.left - PAD.right, h: height - PAD.top - PAD.bottom };
  const [low, high] = range(points);
  const up = Math.log10(high / low);
  return {
    plot,
    low,
    high,
    x: (step) => plot.x + (plot.w * (step - 1)) / (steps - 1),
    y: (value) => plot.y + plot.h * (1 - (Math.log10(Math.max(value, low)) - Math.log10(low)) / up),
  };
}

/** The point whose step is the nearest to the place `x` (CSS px from the left of the canvas). */
export function pointAt(points, steps, width, x) {
  const step = 1 + ((x - PAD.left) / (width - PAD.left - PAD.right)) * (steps - 1);
  return nearestTo(points, step);
}

export function nearestTo(points, step) {
  let best = points[0] ?? null;
  for (const point of points) {
    if (Math.abs(point.step - step) < Math.abs(best.step - step)) best = point;
  }
  return best;
}

/** The course of the costs in bounded memory: when the buffer is full, every other point goes and the stride doubles. */
export class Series {
  #capacity;
  #stride = 1;
  #seen = 0;
  #points = [];
  /** @type {{step: number, values: number[]} | null} */
  #last = null;

  constructor(capacity = 512) {
    this.#capacity = capacity;
  }

  /** Add values (one number per line) at `step`; steps that do not grow are left out. */
  push(step, values) {
    if (this.#last && step <= this.#last.step) return;
    this.#last = { step, values };
    if (this.#seen++ % this.#stride !== 0) return;
    this.#points.push(this.#last);
    if (this.#points.length >= this.#capacity) {
      this.#points = this.#points.filter((_, index) => index % 2 === 0);
      this.#stride *= 2;
    }
  }

  clear() {
    this.#points = [];
    this.#last = null;
    this.#stride = 1;
    this.#seen = 0;
  }

  get last() {
    return this.#last;
  }

  /** Kept points, the newest always among them. */
  get points() {
    const kept = this.#points;
    return this.#last && kept[kept.length - 1] !== this.#last ? [...kept, this.#last] : kept;
  }
}

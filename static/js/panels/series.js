// The course of the costs in bounded memory: when the buffer is full, every other point goes and the stride doubles.

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

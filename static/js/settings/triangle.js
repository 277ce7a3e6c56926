// Three shares as a point in a triangle: the nearer to a corner, the more of its style.

import { make } from "../lib/elements.js";
import { Emitter } from "../lib/emitter.js";

/** @typedef {{x: number, y: number}} Point 0..1 of the width and the height */

const CORNERS = [
  { x: 0.5, y: 0 },
  { x: 0, y: 1 },
  { x: 1, y: 1 },
];

/** @param {number[]} shares three of sum 1 @returns {Point} */
export function toPoint(shares) {
  return {
    x: CORNERS.reduce((sum, corner, index) => sum + corner.x * shares[index], 0),
    y: CORNERS.reduce((sum, corner, index) => sum + corner.y * shares[index], 0),
  };
}

/** The shares at a point; outside of the triangle those of a point on its rim. @param {Point} point */
export function toShares({ x, y }) {
  const first = 1 - y;
  const third = x - first / 2;
  const inside = [first, 1 - first - third, third].map((share) => Math.max(0, share));
  const sum = inside[0] + inside[1] + inside[2];
  return inside.map((share) => share / sum);
}

/** Event `change` {shares} while a person drags. The sliders beside it do the same for the keyboard. */
export class Triangle extends Emitter {
  #handle = make("span", { className: "triangle-handle" });

  constructor() {
    super();
    this.disabled = false;
    const field = make("span", { className: "triangle-field" });
    const corners = ["A", "B", "C"].map((name) => make("b", { className: `triangle-${name.toLowerCase()}` }, name));
    this.element = make("div", { className: "triangle", ariaHidden: "true" }, field, this.#handle, ...corners);
    this.element.addEventListener("pointerdown", (event) => {
      if (this.disabled || event.button !== 0) return;
      this.element.setPointerCapture(event.pointerId);
      this.#follow(event);
    });
    this.element.addEventListener("pointermove", (event) => {
      if (this.element.hasPointerCapture(event.pointerId)) this.#follow(event);
    });
  }

  /** @param {number[]} shares three of sum 1 */
  show(shares) {
    const { x, y } = toPoint(shares);
    this.#handle.style.left = `${100 * x}%`;
    this.#handle.style.top = `${100 * y}%`;
  }

  #follow(event) {
    const box = this.element.getBoundingClientRect();
    const point = { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
    this.emit("change", { shares: toShares(point) });
  }
}

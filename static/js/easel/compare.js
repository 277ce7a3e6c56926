// The line between the content picture and the painting: dragged, or moved with the keys of a range input.

import { text } from "../lib/texts.js";
import { shareOfPicture } from "./zoom.js";

export class Compare {
  #frame;
  #element;
  #range;
  #view;
  #share = 0.5;

  /** `view` is a function giving the view of the picture in its frame (see zoom.js). */
  constructor({ frame, view }) {
    this.#frame = frame;
    this.#view = view;
    this.#element = frame.querySelector(".compare");
    this.#range = frame.querySelector(".compare-range");
    this.#range.addEventListener("input", () => this.#split(Number(this.#range.value) / 100));
    this.#element.addEventListener("pointerdown", (event) => this.#grab(event));
    this.#element.addEventListener("pointermove", (event) => this.#drag(event));
    this.#split(0.5);
  }

  set shown(shown) {
    this.#element.hidden = !shown;
    this.#frame.classList.toggle("comparing", shown);
    this.place();
  }

  focus() {
    this.#range.focus();
  }

  /** Put the edge of the content picture under the line again, after the view changed. */
  place() {
    const edge = shareOfPicture(this.#view(), this.#share, this.#frame.clientWidth);
    this.#frame.style.setProperty("--edge", `${Math.min(100, Math.max(0, 100 * edge))}%`);
  }

  #split(share) {
    this.#share = Math.min(1, Math.max(0, share));
    const percent = 100 * this.#share;
    this.#range.value = String(percent);
    this.#range.setAttribute("aria-valuetext", text.easel.compared(percent));
    this.#frame.style.setProperty("--split", `${percent}%`);
    this.place();
  }

  #grab(event) {
    if (event.button !== 0) return;
    this.#element.setPointerCapture(event.pointerId);
    this.#range.focus({ preventScroll: true });
    event.preventDefault();
    this.#moveTo(event);
  }

  #drag(event) {
    if (this.#element.hasPointerCapture(event.pointerId)) this.#moveTo(event);
  }

  #moveTo(event) {
    const box = this.#element.getBoundingClientRect();
    this.#split((event.clientX - box.left) / box.width);
  }
}

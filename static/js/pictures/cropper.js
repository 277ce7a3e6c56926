// The dialog that crops a picture: an aspect, how much of it, and where; by pointer, sliders or arrow keys.

import { ASPECTS, isWhole, part } from "./cropbox.js";
import { make, positionOf, showPosition } from "../lib/elements.js";

const STEP = 0.02;

export class Cropper {
  #dialog;
  #image;
  #box;
  #size;
  #full;
  #note;
  #picture = { width: 1, height: 1 };
  #aspect = /** @type {number | null} */ (null);
  #middle = { x: 0.5, y: 0.5 };
  #grip = /** @type {{x: number, y: number} | null} */ (null);

  constructor(dialog) {
    this.#dialog = dialog;
    this.#image = dialog.querySelector("img");
    this.#box = dialog.querySelector(".crop-box");
    this.#size = dialog.querySelector("[data-part=size]");
    this.#full = dialog.querySelector("[data-part=full]");
    this.#note = dialog.querySelector(".crop-note");
    dialog.querySelector(".crop-aspects").replaceChildren(...ASPECTS.map(choice));
    this.#listen();
  }

  /**
   * Ask which part of a picture is kept; null when the dialog was closed without an answer.
   * @param {Blob} blob
   * @returns {Promise<{box: import("./cropbox.js").Part | null, full: boolean} | null>} box null keeps all of it
   */
  async ask(blob) {
    const address = URL.createObjectURL(blob);
    this.#image.src = address;
    try {
      await this.#image.decode();
      this.#picture = { width: this.#image.naturalWidth, height: this.#image.naturalHeight };
      this.#middle = { x: 0.5, y: 0.5 };
      this.#aspect = null;
      this.#size.value = "100";
      this.#full.checked = false;
      this.#dialog.querySelector(".crop-aspects input").checked = true;
      this.#show();
      this.#dialog.returnValue = "";
      this.#dialog.showModal();
      await new Promise((resolve) => this.#dialog.addEventListener("close", resolve, { once: true }));
    } finally {
      URL.revokeObjectURL(address);
      this.#image.removeAttribute("src");
    }
    if (this.#dialog.returnValue !== "yes") return null;
    const box = this.#part;
    return { box: isWhole(box, this.#picture) ? null : box, full: this.#full.checked };
  }

  get #part() {
    return part(this.#picture, this.#aspect, Number(this.#size.value) / 100, this.#middle);
  }

  #show() {
    const { width, height } = this.#picture;
    const box = this.#part;
    const place = { left: box.x / width, top: box.y / height, width: box.width / width, height: box.height / height };
    for (const [name, share] of Object.entries(place)) this.#box.style[name] = `${100 * share}%`;
    this.#note.textContent = `${box.width} × ${box.height} px`;
    showPosition(this.#size, positionOf(this.#size), `${this.#size.value} %`);
  }

  // the middle stays where the box really is, so that moving back takes no longer than moving out
  #move(x, y) {
    const box = this.#part;
    const { width, height } = this.#picture;
    this.#middle = { x: (box.x + box.width / 2) / width + x, y: (box.y + box.height / 2) / height + y };
    this.#show();
  }

  #listen() {
    this.#dialog.querySelector(".crop-aspects").addEventListener("change", (event) => {
      this.#aspect = ASPECTS[Number(event.target.value)][1];
      this.#show();
    });
    this.#size.addEventListener("input", () => this.#show());
    this.#box.addEventListener("pointerdown", (event) => {
      this.#box.setPointerCapture(event.pointerId);
      this.#grip = { x: event.clientX, y: event.clientY };
    });
    this.#box.addEventListener("pointermove", (event) => {
      if (!this.#grip) return;
      const room = this.#image.getBoundingClientRect();
      this.#move((event.clientX - this.#grip.x) / room.width, (event.clientY - this.#grip.y) / room.height);
      this.#grip = { x: event.clientX, y: event.clientY };
    });
    for (const type of ["pointerup", "pointercancel"]) {
      this.#box.addEventListener(type, () => {
        this.#grip = null;
      });
    }
    this.#box.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
      const move = moves[event.key];
      if (!move) return;
      event.preventDefault();
      this.#move(move[0], move[1]);
    });
  }
}

/** @param {[string, number | null]} aspect @param {number} index */
function choice([name, aspect], index) {
  const shape = make("span", { className: "aspect-shape" });
  shape.style.aspectRatio = String(aspect ?? 1.25);
  shape.classList.toggle("tall", aspect !== null && Number(aspect) < 1);
  shape.classList.toggle("free", aspect === null);
  const radio = make("input", { type: "radio", name: "aspect", value: String(index) });
  return make("label", { className: "aspect" }, radio, shape, make("span", {}, name));
}

// The coloured areas over the picture, and the brush: pointer, touch, pen or arrow keys become strokes.

import { make } from "../lib/elements.js";
import { Emitter } from "../lib/emitter.js";
import { text } from "../lib/texts.js";
import { tint } from "./tint.js";

/** @typedef {import("./layers.js").Layers} Layers */
/** @typedef {import("./brush.js").Box} Box */
/** @typedef {import("./brush.js").Point} Point */

const KEY_STEP = 0.025; // of the longest side

/**
 * Events: `begin`, `draw` {from, to} in px of the masks, `end`; `undo` and `size` {by} from its keys.
 * Positions come from the element's box on the screen, so they hold while the picture is zoomed.
 */
export class Overlay extends Emitter {
  #frame;
  #canvas = document.createElement("canvas");
  #ring = make("span", { className: "mask-ring", ariaHidden: "true" });
  #size = { width: 1, height: 1 };
  #last = /** @type {Point | null} */ (null);
  #cursor = /** @type {Point | null} */ (null);
  #keyDown = false;

  /** @param {HTMLElement} frame the element that holds the picture */
  constructor(frame) {
    super();
    this.#frame = frame;
    Object.assign(this.#canvas, {
      className: "mask-overlay",
      tabIndex: 0,
      role: "application",
      ariaRoleDescription: text.masks.role,
      ariaLabel: text.masks.label,
    });
    this.shown = false;
    frame.append(this.#canvas, this.#ring);
    this.#listen();
  }

  set shown(shown) {
    this.#canvas.hidden = this.#ring.hidden = !shown;
    this.#frame.classList.toggle("masking", shown);
    if (!shown) this.#stop();
  }

  /** Faint areas show what is painted below them. */
  set faint(faint) {
    this.#canvas.classList.toggle("faint", faint);
  }

  /** The ring's diameter as a share of the longest side, and whose colour it has (1 to 4, or 0). */
  brush(diameter, style) {
    const { width, height } = this.#size;
    this.#ring.style.width = `${(100 * diameter * Math.max(width, height)) / width}%`;
    this.#ring.dataset.style = String(style);
  }

  /** Draw the areas, all or those in the box. @param {Layers} layers @param {Box} [box] */
  paint(layers, box = layers.whole) {
    const { width, height } = layers.size;
    this.#size = layers.size;
    if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
    if (box.right <= box.left || box.bottom <= box.top) return;
    const context = /** @type {CanvasRenderingContext2D} */ (this.#canvas.getContext("2d"));
    const picture = context.createImageData(box.right - box.left, box.bottom - box.top);
    tint(layers.given, width, box, picture.data);
    context.putImageData(picture, box.left, box.top);
  }

  #listen() {
    const canvas = this.#canvas;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || this.#last) return;
      event.preventDefault();
      event.stopPropagation();
      canvas.setPointerCapture(event.pointerId);
      canvas.focus({ preventScroll: true });
      this.#start(this.#place(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      this.#point(this.#place(event));
      if (!this.#last || !canvas.hasPointerCapture(event.pointerId)) return;
      const all = event.getCoalescedEvents?.() ?? [];
      for (const one of all.length ? all : [event]) this.#go(this.#place(one));
    });
    for (const type of ["pointerup", "pointercancel"]) canvas.addEventListener(type, () => this.#stop());
    canvas.addEventListener("pointerleave", () => this.#frame.classList.remove("mask-near"));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("keyup", (event) => {
      if (event.key !== " ") return;
      this.#keyDown = false;
      this.#stop();
    });
    canvas.addEventListener("blur", () => {
      this.#keyDown = false;
      this.#stop();
    });
  }

  /** @returns {Point} in px of the masks */
  #place({ clientX, clientY }) {
    const box = this.#canvas.getBoundingClientRect();
    const { width, height } = this.#size;
    return { x: ((clientX - box.left) / box.width) * width, y: ((clientY - box.top) / box.height) * height };
  }

  #point(place) {
    this.#cursor = place;
    this.#ring.style.left = `${(100 * place.x) / this.#size.width}%`;
    this.#ring.style.top = `${(100 * place.y) / this.#size.height}%`;
    this.#frame.classList.add("mask-near");
  }

  #start(place) {
    this.#last = place;
    this.#point(place);
    this.emit("begin");
    this.emit("draw", { from: place, to: place });
  }

  #go(place) {
    this.emit("draw", { from: this.#last, to: place });
    this.#last = place;
  }

  #stop() {
    if (!this.#last) return;
    this.#last = null;
    this.emit("end");
  }

  #key(event) {
    const { width, height } = this.#size;
    const step = KEY_STEP * Math.max(width, height) * (event.shiftKey ? 4 : 1);
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    const move = moves[event.key];
    const now = this.#cursor ?? { x: width / 2, y: height / 2 };
    if (move) {
      const place = { x: Math.min(width, Math.max(0, now.x + move[0])), y: Math.min(height, Math.max(0, now.y + move[1])) };
      this.#point(place);
      if (this.#keyDown) this.#go(place);
    } else if (event.key === " ") {
      if (!this.#keyDown) this.#start(now);
      this.#keyDown = true;
    } else if (event.key === "[" || event.key === "]") {
      this.emit("size", { by: event.key === "[" ? -1 : 1 });
    } else if (event.key.toLowerCase() === "z" && !event.altKey) {
      this.emit("undo");
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation(); // the frame around it moves and enlarges the picture with the same keys
  }
}

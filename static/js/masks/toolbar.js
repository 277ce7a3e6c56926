// The tools for painting areas: whose area, brush, fills, undo, clear.

import { ERASER } from "./layers.js";
import { make, positionOf, showPosition } from "../lib/elements.js";
import { Emitter } from "../lib/emitter.js";
import { letter, percent } from "../lib/format.js";
import { text } from "../lib/texts.js";

/** Events: `tool` when brush or style changed, `fill` {side}, `undo`, `clear`, `view`, `done`. */
export class MaskToolbar extends Emitter {
  #element;
  #api;
  #who;
  #size;
  #soft;
  #undo;
  #clear;
  #see;
  #styles = [];

  constructor({ element, api }) {
    super();
    this.#element = element;
    this.#api = api;
    const part = (name) => element.querySelector(`[data-part=${name}]`);
    this.#who = part("who");
    this.#size = part("size");
    this.#soft = part("soft");
    this.#undo = part("undo");
    this.#clear = part("clear");
    this.#see = part("see");
    this.#who.addEventListener("change", () => this.emit("tool"));
    for (const input of [this.#size, this.#soft]) input.addEventListener("input", () => this.#brushChanged());
    for (const button of element.querySelectorAll("[data-fill]")) {
      button.addEventListener("click", () => this.emit("fill", { side: button.dataset.fill }));
    }
    this.#undo.addEventListener("click", () => this.emit("undo"));
    this.#clear.addEventListener("click", () => this.emit("clear"));
    part("done").addEventListener("click", () => this.emit("done"));
    this.#see.addEventListener("click", () => {
      this.#see.setAttribute("aria-pressed", String(!this.visible));
      this.emit("view");
    });
    this.#brushChanged();
  }

  set shown(shown) {
    this.#element.hidden = !shown;
  }

  /** Whose area is painted: the style's index, or ERASER. */
  get target() {
    return Number(this.#who.querySelector("input:checked")?.value ?? 0);
  }

  /** Diameter as a share of the picture's longest side, and softness, both 0..1. */
  get brush() {
    return { diameter: Number(this.#size.value) / 100, softness: Number(this.#soft.value) / 100 };
  }

  /** Whether the areas are shown in full colour. */
  get visible() {
    return this.#see.getAttribute("aria-pressed") === "true";
  }

  resize(by) {
    const now = Number(this.#size.value);
    this.#size.value = String(now + by * Math.max(1, Math.round(now * 0.2)));
    this.#brushChanged();
  }

  /** @param {{id: string, title?: string}[]} images the styles in order */
  setStyles(images) {
    const held = this.target;
    this.#styles = images;
    this.#who.replaceChildren(
      ...images.map((image, index) => this.#choice(index, image)),
      this.#choice(ERASER, null),
    );
    const wanted = this.#who.querySelector(`input[value="${held}"]`) ?? this.#who.querySelector("input");
    wanted.checked = true;
  }

  /** What each style has: painted, rest or none; and whether there is anything to undo or clear. */
  show({ owns, canUndo, empty }) {
    const painted = owns.some(Boolean);
    this.#styles.forEach((_, index) => {
      const note = this.#who.querySelector(`[data-note="${index}"]`);
      note.textContent = owns[index] ? text.masks.painted : painted ? text.masks.rest : "";
    });
    this.#undo.disabled = !canUndo;
    this.#clear.disabled = empty;
  }

  #choice(index, image) {
    const name = make("span", { className: "who-name" });
    const face = make("span", { className: "who-face" }, name);
    const radio = make("input", { type: "radio", name: "mask-who", value: String(index) });
    const choice = make("label", { className: image ? "who" : "who eraser" }, radio, face);
    if (image) {
      choice.dataset.style = String(index + 1);
      const note = make("small");
      note.dataset.note = String(index);
      name.append(make("span", { className: "sr" }, text.masks.style), make("b", {}, letter(index)), note);
      face.prepend(make("img", { src: this.#api.imageUrl(image.id, 256), alt: "" }));
    } else {
      name.append(text.masks.eraser);
    }
    return choice;
  }

  #brushChanged() {
    for (const input of [this.#size, this.#soft]) {
      showPosition(input, positionOf(input), percent(Number(input.value) / 100));
    }
    this.emit("tool");
  }
}

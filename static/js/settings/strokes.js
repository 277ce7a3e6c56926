// How large each style's strokes are, beside the picture they come from. The parameter `style_scale`.

import { badge, make, showPosition } from "../lib/elements.js";
import { Emitter } from "../lib/emitter.js";
import { follow } from "../lib/follow.js";
import { letter, short } from "../lib/format.js";
import { fromLog, toLog } from "../lib/scale.js";
import { text } from "../lib/texts.js";

const POSITIONS = 1000;
const SMALLEST = 0.25;
const LARGEST = 4;

/** Event `change` when a person changed a scale. The value is a number, or one per style when they differ. */
export class Strokes extends Emitter {
  #rows;
  #inputs = /** @type {HTMLInputElement[]} */ ([]);
  #outputs = /** @type {HTMLElement[]} */ ([]);
  #scales = [1];
  #ids = /** @type {string[]} */ ([]);

  constructor(element) {
    super();
    this.name = "style_scale";
    this.live = false;
    this.valid = true;
    this.element = element;
    this.#rows = element.querySelector(".strokes-rows");
    this.#build(1);
  }

  /** @param {{id: string}[]} images the styles in order */
  setStyles(images) {
    const ids = images.map((image) => image.id);
    if (ids.join() === this.#ids.join()) return;
    const before = this.#scales;
    const common = before.every((scale) => scale === before[0]) ? before[0] : 1;
    const from = follow(this.#ids, ids);
    this.#ids = ids;
    this.#scales = images.length ? from.map((index) => before[index] ?? common) : [common];
    this.#build(this.#scales.length);
  }

  get value() {
    return this.#scales.every((scale) => scale === this.#scales[0]) ? this.#scales[0] : [...this.#scales];
  }

  set value(value) {
    this.#scales = this.#scales.map((_, index) => (Array.isArray(value) ? value[index] : value) ?? 1);
    this.#show();
  }

  get isDefault() {
    return this.value === 1;
  }

  set disabled(disabled) {
    this.element.classList.toggle("off", disabled);
    for (const input of this.#inputs) input.disabled = disabled;
  }

  focus() {
    this.element.closest("details")?.setAttribute("open", "");
    this.#inputs[0].focus();
  }

  #build(count) {
    const off = this.element.classList.contains("off");
    this.#inputs = this.#scales.map(() => make("input", { type: "range", max: POSITIONS }));
    this.#outputs = this.#scales.map(() => make("output"));
    this.#rows.replaceChildren(
      ...this.#inputs.flatMap((input, index) => {
        input.setAttribute("aria-label", count > 1 ? text.strokes.of(letter(index)) : text.strokes.label);
        input.addEventListener("input", () => {
          this.#scales[index] = fromLog(Number(input.value) / POSITIONS, SMALLEST, LARGEST);
          this.#show();
          this.emit("change");
        });
        return [...(count > 1 ? [badge(letter(index))] : []), input, this.#outputs[index]];
      }),
    );
    this.#rows.dataset.count = String(count);
    this.disabled = off;
    this.#show();
  }

  #show() {
    this.#scales.forEach((scale, index) => {
      const position = toLog(scale, SMALLEST, LARGEST);
      const input = this.#inputs[index];
      input.value = String(Math.round(POSITIONS * position));
      this.#outputs[index].textContent = `${short(scale)}×`;
      showPosition(input, position, text.strokes.times(short(scale)));
    });
  }
}

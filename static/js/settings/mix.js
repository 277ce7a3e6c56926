// How the styles share the picture: one slider between two styles; one each for more, and a triangle for three.

import { Emitter } from "../lib/emitter.js";
import { badge, make, showPosition } from "../lib/elements.js";
import { follow } from "../lib/follow.js";
import { letter, measuredText, percent } from "../lib/format.js";
import { shares } from "../lib/scale.js";
import { text } from "../lib/texts.js";
import { Triangle } from "./triangle.js";

/** Event `change` when a person changed the mix. The value has one number per style, or null for equal shares. */
export class Mix extends Emitter {
  element;
  #api;
  #weights = [];
  #inputs = [];
  #outputs = [];
  #ids = /** @type {string[]} */ ([]);
  #triangle = /** @type {Triangle | null} */ (null);
  #disabled = false;
  #measured = null;
  #overruled = false;
  #note = make("p", { className: "mix-measured" });

  constructor({ element, api }) {
    super();
    this.name = "style_mix";
    this.live = true;
    this.element = element;
    this.#api = api;
  }

  /** The styles in use, in order. Shares go with their styles as long as the number of styles stays the same. */
  setStyles(images) {
    const ids = images.map((image) => image.id);
    if (ids.join() === this.#ids.join()) return;
    const from = follow(this.#ids, ids);
    this.#ids = ids;
    this.#weights = images.length === this.#weights.length ? from.map((index) => this.#weights[index]) : images.map(() => 1);
    this.#triangle = null;
    this.element.hidden = images.length < 2;
    if (images.length < 2) this.element.replaceChildren();
    else if (images.length === 2) this.#pair(images);
    else this.#each(images);
    if (images.length >= 2) this.element.append(this.#note);
    this.disabled = this.#disabled;
    this.overruled = this.#overruled;
    this.#show();
  }

  /** What the server measured in the finished painting: one share per style, or null. */
  set measured(share) {
    this.#measured = share;
    this.#show();
  }

  /** Painted areas say where the styles go; the shares then count for nothing. */
  set overruled(overruled) {
    this.#overruled = overruled;
    this.element.classList.toggle("overruled", overruled);
    this.#show();
  }

  get value() {
    if (this.#weights.length < 2) return null;
    return shares(this.#weights).map((share) => Number(share.toFixed(4)));
  }

  set value(mix) {
    this.#weights = this.#weights.map((_, index) => mix?.[index] ?? 1);
    const most = Math.max(...this.#weights, 0);
    if (this.#weights.length > 2 && most > 0) this.#weights = this.#weights.map((weight) => weight / most);
    this.#show();
  }

  get isDefault() {
    const mix = this.value;
    return mix === null || mix.every((share) => Math.abs(share - mix[0]) < 1e-3);
  }

  get valid() {
    return true;
  }

  set disabled(disabled) {
    this.#disabled = disabled;
    this.element.classList.toggle("off", disabled);
    for (const input of this.#inputs) input.disabled = disabled;
    if (this.#triangle) this.#triangle.disabled = disabled;
  }

  focus() {
    this.#inputs[0]?.focus();
  }

  #pair(images) {
    const input = range("mix", text.mix.ofTwo);
    const [left, right] = [make("output"), make("output")];
    this.element.className = "mix mix-pair";
    this.element.replaceChildren(heading(), this.#thumb(images[0], 0), left, input, right, this.#thumb(images[1], 1));
    this.#inputs = [input];
    this.#outputs = [left, right];
    input.addEventListener("input", () => {
      const share = Number(input.value) / 100;
      this.#changed([1 - share, share]);
    });
  }

  #each(images) {
    this.element.className = "mix mix-each";
    this.#inputs = images.map((_, index) => range(`mix-${index + 1}`, text.mix.shareOf(letter(index))));
    this.#outputs = images.map(() => make("output"));
    this.element.replaceChildren(
      heading(),
      ...images.flatMap((image, index) => [this.#thumb(image, index), this.#inputs[index], this.#outputs[index]]),
    );
    this.#inputs.forEach((input) => {
      input.addEventListener("input", () => this.#changed(this.#inputs.map((other) => Number(other.value) / 100)));
    });
    if (images.length === 3) this.#corners();
  }

  #corners() {
    const triangle = new Triangle();
    triangle.on("change", ({ shares: given }) => {
      const most = Math.max(...given);
      this.#changed(given.map((share) => share / most));
    });
    this.#triangle = triangle;
    this.element.classList.add("mix-three");
    this.element.append(triangle.element);
  }

  #changed(weights) {
    // all at 0 has no meaning on the wire; the styles then share equally
    this.#weights = weights;
    this.#show();
    this.emit("change");
  }

  #show() {
    if (this.#weights.length < 2 || this.#inputs.length === 0) return;
    const mix = shares(this.#weights);
    const measured = measuredText(this.#measured, this.#weights.length);
    this.#note.textContent = measured || (this.#overruled ? text.mix.overruled : "");
    this.#note.hidden = this.#note.textContent === "";
    if (this.#weights.length === 2) {
      this.#set(this.#inputs[0], mix[1], text.mix.two(percent(mix[0]), percent(mix[1])));
    } else {
      this.#inputs.forEach((input, index) => this.#set(input, this.#weights[index], percent(mix[index])));
    }
    this.#triangle?.show(mix);
    this.#outputs.forEach((output, index) => {
      output.textContent = percent(mix[index]);
    });
  }

  #set(input, position, spoken) {
    input.value = String(Math.round(position * 100));
    showPosition(input, position, spoken);
  }

  #thumb(image, index) {
    const picture = make("img", { src: this.#api.imageUrl(image.id, 256), alt: text.styleOf(letter(index)) });
    return make("span", { className: "mix-thumb" }, picture, badge(letter(index)));
  }
}

function heading() {
  return make("span", { className: "mix-title" }, text.mix.title);
}

function range(id, label) {
  return make("input", { type: "range", id, min: "0", max: "100", step: "1", ariaLabel: label });
}

// Where the styles go: mixed everywhere, by a rule, or where they are painted. The parameter `masks`.

import { make } from "../lib/elements.js";
import { Emitter } from "../lib/emitter.js";
import { text } from "../lib/texts.js";

const RULES = text.regions.rules;

/** Event `change` when a person changed where the styles go. */
export class Regions extends Emitter {
  #masks;
  #edit;
  #mode = "";
  #disabled = false;
  #hasContent = false;

  constructor({ element, masks }) {
    super();
    this.name = "masks";
    this.live = true;
    this.valid = true;
    this.element = element;
    this.#masks = masks;
    const tiles = element.querySelector(".region-tiles");
    tiles.replaceChildren(...Object.keys(RULES).map(tile));
    this.#edit = element.querySelector(".region-edit");
    tiles.addEventListener("change", () => this.#choose(tiles.querySelector("input:checked").value));
    this.#edit.addEventListener("click", () => this.#open(!masks.active));
    masks.on("change", () => {
      if (this.#mode === "painted") this.emit("change");
    });
    masks.on("done", () => {
      this.#show();
      this.focus();
    });
    this.#show();
  }

  get value() {
    return this.#mode === "painted" ? this.#masks.ids : this.#mode || null;
  }

  /** null, the name of a rule, or an image id or null per style. */
  set value(value) {
    // nothing is painted yet, or somebody is painting right now: the tools stay open
    if (value === null && this.#masks.active && this.#masks.owns(this.#masks.ids ?? [])) return;
    this.#mode = Array.isArray(value) ? "painted" : (value ?? "");
    if (Array.isArray(value)) {
      const shown = String(value) === String(this.#masks.ids) || (this.#masks.active && this.#masks.owns(value));
      if (!shown) this.#masks.load(value);
    } else {
      this.#masks.active = false;
    }
    this.#show();
  }

  get isDefault() {
    return this.value === null;
  }

  set disabled(disabled) {
    this.#disabled = disabled;
    this.#show();
  }

  /** @param {{id: string}[]} images the styles in order */
  setStyles(images) {
    this.element.hidden = images.length < 2;
    if (images.length < 2) this.#masks.active = false;
    this.#masks.setStyles(images);
    this.#show();
  }

  /** @param {{id: string, width?: number, height?: number} | null} image */
  setContent(image) {
    this.#hasContent = image !== null;
    if (!image) this.#masks.active = false;
    this.#masks.setContent(image);
    this.#show();
  }

  /** Resolves when what is painted is on the server, so that `value` is what the person sees. */
  async uploaded() {
    if (this.#mode === "painted") await this.#masks.uploaded();
  }

  /** Put the tools away. */
  close() {
    this.#open(false);
  }

  focus() {
    this.element.querySelector("input:checked").focus();
  }

  #choose(mode) {
    this.#mode = mode;
    this.#open(mode === "painted");
    this.emit("change");
  }

  #open(open) {
    this.#masks.active = open;
    this.#show();
  }

  #show() {
    this.element.classList.toggle("off", this.#disabled);
    for (const input of this.element.querySelectorAll("input")) {
      input.checked = input.value === this.#mode;
      input.disabled = this.#disabled || (input.value === "painted" && !this.#hasContent);
    }
    this.#edit.hidden = this.#mode !== "painted" || this.#disabled;
    this.#edit.textContent = this.#masks.active ? text.regions.done : text.regions.edit;
  }
}

function tile(mode) {
  const [name, help] = RULES[mode];
  const radio = make("input", { type: "radio", name: "regions", value: mode });
  const icon = make("span", { className: "region-icon", ariaHidden: "true" });
  icon.dataset.mode = mode || "mixed";
  return make("label", { className: "region", title: help }, radio, icon, make("span", { className: "region-name" }, name));
}

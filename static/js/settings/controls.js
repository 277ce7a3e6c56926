// All settings together: reads them for a launch, locks what cannot be changed while painting, reports what was changed.

import { Emitter } from "../lib/emitter.js";
import { Field } from "./field.js";
import { Mix } from "./mix.js";
import { Regions } from "./regions.js";
import { Strokes } from "./strokes.js";

/** Events: `change` {name} after any change by a person. */
export class Controls extends Emitter {
  #fields = new Map();
  #styles = 0;
  #mode = "free";
  #limits = new Map();
  #element;

  constructor({ element, api, masks }) {
    super();
    this.#element = element;
    for (const part of element.querySelectorAll(".field[data-param]")) this.#add(new Field(part));
    this.mix = new Mix({ element: element.querySelector("#mix"), api });
    this.#add(this.mix);
    this.regions = new Regions({ element: element.querySelector("#regions"), masks });
    this.#add(this.regions);
    this.regions.on("change", () => this.#overrule());
    this.strokes = new Strokes(element.querySelector("#strokes"));
    this.#add(this.strokes);
  }

  #add(field) {
    this.#fields.set(field.name, field);
    field.on("change", () => this.emit("change", { name: field.name }));
  }

  /** Take the description of the parameters from GET /api/limits. */
  describe(limits) {
    for (const row of limits.params ?? []) {
      const field = this.#fields.get(row.name);
      const range = [row.schema, ...(row.schema.anyOf ?? [])].find((part) => "maximum" in part);
      if (range) this.#limits.set(row.name, range.maximum);
      if (field instanceof Field) field.describe(row, limits.max_size_px);
    }
  }

  setStyles(images) {
    this.#styles = images.length;
    this.mix.setStyles(images);
    this.regions.setStyles(images);
    this.strokes.setStyles(images);
    this.#lock();
  }

  /** Parameters that differ from the defaults, as `submit` wants them. */
  get values() {
    const values = {};
    for (const [name, field] of this.#fields) {
      if (this.#applies(name) && !field.isDefault) values[name] = field.value;
    }
    return values;
  }

  set values(params) {
    this.regions.close();
    for (const name of this.#fields.keys()) this.set(name, params[name] ?? null);
  }

  /** Show changed values from the server, but none that `busy` names: they are being changed here. */
  update(params, busy) {
    for (const [name, value] of Object.entries(params)) {
      if (!busy.has(name) && this.#fields.has(name)) this.set(name, value);
    }
  }

  set(name, value) {
    const field = this.#fields.get(name);
    if (field instanceof Field) field.value = single(value) ?? field.fallback;
    else if (field) field.value = value;
    if (name === "masks") this.#overrule();
  }

  #overrule() {
    this.mix.overruled = Array.isArray(this.regions.value);
  }

  /** The largest value that the server takes for a number. */
  limit(name) {
    return this.#limits.get(name) ?? Infinity;
  }

  value(name) {
    return this.#fields.get(name)?.value;
  }

  isLive(name) {
    return this.#fields.get(name)?.live === true;
  }

  get invalid() {
    return [...this.#fields.values()].find((field) => !field.valid) ?? null;
  }

  /** The field that the server complained about (`params.size`), or null. */
  find(path) {
    return this.#fields.get(String(path ?? "").split(".")[1]) ?? null;
  }

  /** free: all can be changed; running: only the live ones; watching: none. */
  set mode(mode) {
    if (mode === this.#mode) return;
    this.#mode = mode;
    this.#element.dataset.mode = mode;
    this.#lock();
  }

  #lock() {
    for (const [name, field] of this.#fields) {
      const open = this.#mode === "free" || (this.#mode === "running" && field.live);
      field.element.classList.toggle("live", this.#mode === "running" && field.live);
      field.disabled = !open || !this.#applies(name);
    }
  }

  #applies(name) {
    return this.#styles > 1 || (name !== "masks" && name !== "style_mix") || this.#mode === "watching";
  }
}

// a value per style has no place in a single field: the common value, or none
function single(value) {
  return Array.isArray(value) ? null : value;
}

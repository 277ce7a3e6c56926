// One setting: a slider, a number, a choice or a set of radio buttons, with the value the server understands.

import { positionOf, showPosition } from "../lib/elements.js";
import { Emitter } from "../lib/emitter.js";
import { percent, short } from "../lib/format.js";
import { fromLog, nearest, sizesUpTo, toLog } from "../lib/scale.js";

const POSITIONS = 1000;

/** Event `change` when a person changed the value. `kind` (log, percent, steps, radio, choice, optional, number) is in the markup. */
export class Field extends Emitter {
  #kind;
  #inputs;
  #output;
  /** @type {any} */
  #value = null;
  #steps = [512];
  #min;
  #max;

  constructor(element) {
    super();
    this.element = element;
    this.name = element.dataset.param;
    this.fallback = null;
    this.live = false;
    this.#kind = element.dataset.kind;
    this.#inputs = [...element.querySelectorAll("input, select")];
    this.#output = element.querySelector("output");
    this.#min = Number(element.dataset.min);
    this.#max = Number(element.dataset.max);
    for (const input of this.#inputs) {
      input.addEventListener("input", () => this.#read());
      // Enter in a number must not launch by accident
      input.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) event.preventDefault();
      });
    }
  }

  /** Take range, default, help and liveness from the server's description; `limit` caps the size in px. */
  describe({ schema, default: fallback, live, help }, limit) {
    this.fallback = fallback;
    this.live = live === true;
    this.element.title = help ?? "";
    const input = this.#inputs[0];
    const range = [schema, ...(schema.anyOf ?? [])].find((part) => "minimum" in part);
    if (this.#kind === "steps") {
      this.#steps = sizesUpTo(Math.min(limit ?? Infinity, range?.maximum ?? 2048));
      input.max = String(this.#steps.length - 1);
    } else if (range && input.type === "number") {
      input.min = String(range.minimum);
      input.max = String(range.maximum);
    } else if (range && this.#kind === "log") {
      this.#min = Math.max(this.#min, range.minimum);
      this.#max = Math.min(this.#max, range.maximum);
    }
    const choices = schema.enum ?? schema.anyOf?.find((part) => part.enum)?.enum;
    if (choices) this.#offer(new Set(["", ...choices]));
    this.value = fallback;
  }

  get value() {
    return this.#value;
  }

  set value(value) {
    // a server may allow less than the default
    this.#value = this.#kind === "steps" ? Math.min(value, this.#steps[this.#steps.length - 1]) : value;
    const input = this.#inputs[0];
    if (this.#kind === "log") input.value = String(Math.round(POSITIONS * toLog(value, this.#min, this.#max)));
    else if (this.#kind === "percent") input.value = String(Math.round(value * 100));
    else if (this.#kind === "steps") input.value = String(nearest(this.#steps, value));
    else if (this.#kind === "radio") for (const radio of this.#inputs) radio.checked = radio.value === (value ?? "");
    else input.value = value === null ? "" : String(value);
    this.#show();
  }

  get isDefault() {
    return this.#value === this.fallback;
  }

  get valid() {
    return this.#inputs.every((input) => input.checkValidity());
  }

  set disabled(disabled) {
    this.element.classList.toggle("off", disabled);
    for (const input of this.#inputs) input.disabled = disabled;
  }

  focus() {
    this.element.closest("details")?.setAttribute("open", "");
    this.#inputs[0].focus();
  }

  report() {
    this.focus();
    this.#inputs[0].reportValidity();
  }

  #read() {
    const input = this.#inputs[0];
    const number = Number(input.value);
    if (this.#kind === "log") this.#value = fromLog(number / POSITIONS, this.#min, this.#max);
    else if (this.#kind === "percent") this.#value = number / 100;
    else if (this.#kind === "steps") this.#value = this.#steps[number];
    else if (this.#kind === "radio") this.#value = this.#inputs.find((radio) => radio.checked)?.value || this.fallback;
    else if (this.#kind === "choice") this.#value = input.value === "" ? null : input.value;
    else this.#value = input.value === "" ? this.fallback : number;
    this.#show();
    this.emit("change");
  }

  #show() {
    const input = this.#inputs[0];
    if (input.type !== "range") return;
    const text = this.#text();
    if (this.#output) this.#output.textContent = text;
    showPosition(input, positionOf(input), text);
  }

  #text() {
    if (this.#kind === "percent") return this.#value === 0 ? "off" : percent(this.#value);
    if (this.#kind === "steps") return `${this.#value} px`;
    return short(this.#value);
  }

  // what this server does not offer is not shown
  #offer(allowed) {
    for (const choice of this.element.querySelectorAll("option, input[type=radio]")) {
      if (!allowed.has(choice.value)) (choice.closest("label") ?? choice).remove();
    }
    this.#inputs = this.#inputs.filter((input) => input.isConnected);
  }
}

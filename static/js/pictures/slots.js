// The content slot and two to four style slots: adding, removing, and where a picture goes that names no slot.

import { make } from "../lib/elements.js";
import { Emitter } from "../lib/emitter.js";
import { letter } from "../lib/format.js";
import { canDrop, draggedImage, imageFiles } from "./dropped.js";
import { Slot } from "./slot.js";
import { text } from "../lib/texts.js";

const LABELS = text.slot.styles;
const FEWEST_SLOTS = 2;
const MOST_SLOTS = LABELS.length;

/** Event `change` when any picture, or the number of styles, is another one. */
export class Slots extends Emitter {
  #api;
  #template;
  #notes;
  #row;
  #cropper;
  #add;
  #locked = false;
  #selected = null;
  /** @type {Slot | null} */
  #newest = null;
  #quiet = false;

  constructor({ element, notes, template, api, cropper }) {
    super();
    this.#cropper = cropper;
    this.#api = api;
    this.#template = template;
    this.#notes = notes;
    this.#row = element.querySelector(".slots-styles");
    this.#add = element.querySelector(".slot-add");
    this.styles = [];
    this.content = this.#make(text.slot.content);
    element.querySelector(".slots-content").append(this.content.element);
    this.#add.addEventListener("click", () => this.#addStyle().focus());
    for (let count = 0; count < FEWEST_SLOTS; count += 1) this.#addStyle();
    this.#listen();
  }

  get contentImage() {
    return this.content.image;
  }

  get styleImages() {
    return this.styles.map((slot) => slot.image).filter(Boolean);
  }

  get busy() {
    return [this.content, ...this.styles].some((slot) => slot.busy);
  }

  /** Somebody has begun to choose pictures. */
  get begun() {
    return [this.content, ...this.styles].some((slot) => slot.busy || slot.image);
  }

  /** Wait until no picture is on its way to the server; false when one of them failed. @returns {Promise<boolean>} */
  async uploaded() {
    let complete = true;
    while (this.busy) {
      const { failed } = await new Promise((resolve) => {
        for (const slot of [this.content, ...this.styles]) slot.addEventListener("uploaded", (event) => resolve(event.detail), { once: true });
      });
      complete &&= !failed;
    }
    return complete;
  }

  set locked(locked) {
    this.#locked = locked;
    for (const slot of [this.content, ...this.styles]) slot.locked = locked;
    this.#add.disabled = locked;
    this.#arrange();
  }

  /** The slot that still needs a picture, or null. */
  get missing() {
    if (!this.content.image) return this.content;
    return this.styles.some((slot) => slot.image) ? null : this.styles[0];
  }

  /** Show these pictures, whatever was there. */
  restore({ content, styles }) {
    this.#quiet = true;
    this.content.put(content ?? null);
    const count = Math.min(MOST_SLOTS, Math.max(FEWEST_SLOTS, styles.length));
    while (this.styles.length > count) this.#drop(this.styles[this.styles.length - 1]);
    while (this.styles.length < count) this.#addStyle();
    this.styles.forEach((slot, index) => slot.put(styles[index] ?? null));
    this.#quiet = false;
    this.#changed();
  }

  /** A gallery picture: content goes to its slot; a style to the first empty slot, else the selected, else the last filled. */
  pick(kind, image) {
    if (this.#locked) return;
    if (kind === "content") {
      this.content.put(image);
      return;
    }
    const empty = this.styles.find((slot) => !slot.image && !slot.busy);
    const slot = empty ?? this.#selected ?? this.#newest ?? this.styles[this.styles.length - 1];
    slot.put(image);
  }

  /** Files without a place of their own fill the empty slots, new style slots as long as there is room. */
  fill(files) {
    if (this.#locked) return;
    for (const file of files) {
      const free = [this.content, ...this.styles].find((slot) => !slot.image && !slot.busy);
      const slot = free ?? (this.styles.length < MOST_SLOTS ? this.#addStyle() : null);
      if (!slot) return;
      slot.upload(file);
    }
  }

  /** A drop on the easel: its first picture becomes the content. */
  takeContent(event) {
    if (this.#locked || !canDrop(event.dataTransfer)) return;
    event.preventDefault();
    this.fill(this.content.take(event.dataTransfer));
  }

  #make(label) {
    const note = make("p", { className: "note", role: "alert" });
    this.#notes.append(note);
    const slot = new Slot({ api: this.#api, template: this.#template, note, label });
    slot.on("change", () => this.#changed());
    slot.on("crop", () => this.#crop(slot));
    slot.on("more", (files) => this.fill(files));
    return slot;
  }

  #addStyle() {
    const slot = this.#make(LABELS[this.styles.length]);
    slot.on("select", () => this.#select(slot));
    slot.on("change", () => {
      if (slot.image) this.#newest = slot;
    });
    slot.on("move", (how) => this.#move(slot, how));
    slot.on("remove", () => {
      this.#drop(slot);
      (this.styles.find((other) => !other.image) ?? this.styles[this.styles.length - 1]).focus();
      this.#changed();
    });
    this.styles.push(slot);
    this.#row.insertBefore(slot.element, this.#add);
    this.#arrange();
    return slot;
  }

  #drop(slot) {
    slot.put(null);
    this.styles = this.styles.filter((other) => other !== slot);
    slot.element.remove();
    slot.note.element.remove();
    if (this.#selected === slot) this.#selected = null;
    if (this.#newest === slot) this.#newest = null;
    if (this.styles.length < FEWEST_SLOTS) this.#addStyle();
    this.#arrange();
  }

  async #crop(slot) {
    const before = slot.image;
    try {
      const how = await this.#cropper.ask(await slot.source());
      // meanwhile another picture may have come
      if (how && slot.image === before) await slot.recrop(how);
    } catch (error) {
      slot.complain(error.message);
    }
    slot.focus();
  }

  // by: how many places further, wrapping around; from: the style of this letter comes here
  #move(slot, { by = 0, from = "" }) {
    if (this.#locked) return;
    const filled = this.styles.filter((other) => other.image);
    const moved = from ? filled[from.charCodeAt(0) - letter(0).charCodeAt(0)] : slot;
    const target = from ? slot : filled[(filled.indexOf(slot) + by + filled.length) % filled.length];
    if (!moved || !target || moved === target) return;
    const place = this.styles.indexOf(target);
    this.styles.splice(this.styles.indexOf(moved), 1);
    this.styles.splice(place, 0, moved);
    for (const each of this.styles) this.#row.insertBefore(each.element, this.#add);
    moved.focus();
    this.#changed();
  }

  #select(slot) {
    this.#selected = slot;
    // only when all are filled does the selection decide where the next picture of the gallery goes
    const full = this.styles.every((other) => other.image);
    for (const other of this.styles) other.selected = full && other === slot;
  }

  #arrange() {
    const filled = this.styles.filter((slot) => slot.image);
    this.styles.forEach((slot, index) => {
      slot.call(LABELS[index], {
        optional: index > 0,
        removable: this.styles.length > FEWEST_SLOTS || Boolean(slot.image),
        letter: slot.image && filled.length > 1 ? letter(filled.indexOf(slot)) : "",
      });
    });
    this.#row.dataset.count = String(this.styles.length);
    this.#add.hidden = this.styles.length >= MOST_SLOTS;
    for (const slot of this.styles) slot.locked = this.#locked;
    this.#select(this.#selected);
  }

  #changed() {
    if (this.#quiet) return;
    this.#arrange();
    this.emit("change");
  }

  #listen() {
    document.addEventListener("dragover", (event) => {
      if (canDrop(event.dataTransfer)) event.preventDefault(); // else the browser would open the file
    });
    document.addEventListener("drop", (event) => {
      if (event.defaultPrevented || !canDrop(event.dataTransfer)) return;
      event.preventDefault();
      const image = draggedImage(event.dataTransfer);
      if (image) this.pick(image.kind, image);
      else this.fill(imageFiles(event.dataTransfer));
    });
    document.addEventListener("paste", (event) => {
      const files = imageFiles(event.clipboardData);
      if (files.length === 0) return;
      event.preventDefault();
      const focused = [this.content, ...this.styles].find((slot) => slot.element.contains(document.activeElement));
      if (focused) {
        focused.upload(files[0]);
        this.fill(files.slice(1));
      } else {
        this.fill(files);
      }
    });
  }
}

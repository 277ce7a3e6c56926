// The content slot and one to four style slots: adding, removing, and where a picture goes that names no slot.

import { Slot, canDrop, draggedImage, imageFiles } from "./slot.js";

const MOST_STYLES = 4;

/** Event `change` when any picture, or the number of styles, is another one. */
export class Slots extends EventTarget {
  #api;
  #template;
  #notes;
  #row;
  #add;
  #locked = false;
  #selected = null;
  #quiet = false;

  constructor({ element, notes, template, api }) {
    super();
    this.#api = api;
    this.#template = template;
    this.#notes = notes;
    this.#row = element.querySelector(".slots-styles");
    this.#add = element.querySelector(".slot-add");
    this.styles = [];
    this.content = this.#make("Content", false);
    element.querySelector(".slots-content").append(this.content.element);
    this.#add.addEventListener("click", () => this.#addStyle().focus());
    this.#addStyle();
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
    while (this.styles.length > Math.max(1, styles.length)) this.#drop(this.styles[this.styles.length - 1]);
    while (this.styles.length < Math.max(1, Math.min(MOST_STYLES, styles.length))) this.#addStyle();
    this.styles.forEach((slot, index) => slot.put(styles[index] ?? null));
    this.#quiet = false;
    this.#changed();
  }

  /** A gallery picture: content goes to its slot; a style to the selected slot, else the first empty, else the last. */
  pick(kind, image) {
    if (this.#locked) return;
    if (kind === "content") {
      this.content.put(image);
      return;
    }
    const empty = this.styles.find((slot) => !slot.image);
    const slot = this.#selected ?? empty ?? this.styles[this.styles.length - 1];
    slot.put(image);
    const next = this.styles.find((other) => !other.image);
    if (next) this.#select(next);
  }

  /** Files without a place of their own fill the empty slots, new style slots as long as there is room. */
  fill(files) {
    if (this.#locked) return;
    for (const file of files) {
      const free = [this.content, ...this.styles].find((slot) => !slot.image && !slot.busy);
      const slot = free ?? (this.styles.length < MOST_STYLES ? this.#addStyle() : null);
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

  #make(label, removable) {
    const note = document.createElement("p");
    note.className = "note";
    note.setAttribute("role", "alert");
    this.#notes.append(note);
    const slot = new Slot({ api: this.#api, template: this.#template, note, label, removable });
    slot.addEventListener("change", () => this.#changed());
    slot.addEventListener("more", (event) => this.fill(event.detail));
    return slot;
  }

  #addStyle() {
    const slot = this.#make(`Style ${this.styles.length + 1}`, true);
    slot.addEventListener("select", () => this.#select(slot));
    slot.addEventListener("remove", () => {
      this.#drop(slot);
      (this.styles[this.styles.length - 1] ?? this.content).focus();
      this.#changed();
    });
    this.styles.push(slot);
    this.#row.insertBefore(slot.element, this.#add);
    this.#select(slot);
    this.#arrange();
    return slot;
  }

  #drop(slot) {
    if (this.styles.length === 1) {
      slot.put(null);
      return;
    }
    slot.put(null);
    this.styles = this.styles.filter((other) => other !== slot);
    slot.element.remove();
    slot.note.remove();
    if (this.#selected === slot) this.#select(null);
    this.#arrange();
  }

  #select(slot) {
    this.#selected = slot;
    for (const other of this.styles) other.selected = other === slot && this.styles.length > 1;
  }

  #arrange() {
    this.styles.forEach((slot, index) => {
      slot.label = this.styles.length > 1 ? `Style ${index + 1}` : "Style";
      slot.removable = this.styles.length > 1 || Boolean(slot.image);
    });
    this.#row.dataset.count = String(this.styles.length);
    this.#add.hidden = this.styles.length >= MOST_STYLES;
    for (const slot of this.styles) slot.locked = this.#locked;
    this.#select(this.#selected);
  }

  #changed() {
    if (this.#quiet) return;
    this.#arrange();
    this.dispatchEvent(new CustomEvent("change"));
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

// The built-in pictures: click or Enter puts one into its slot, or drag it there; credits are always shown.

import { DRAG_TYPE } from "./dropped.js";
import { make } from "../lib/elements.js";
import { Emitter } from "../lib/emitter.js";
import { text } from "../lib/texts.js";

// a browser's own lazy loading fetches what is three screens away
const AHEAD_PX = 200;

/** Events with {kind, image} in `detail`: `pick`; `look` when the pointer or the focus rests on a picture, with image null when it leaves. */
export class Gallery extends Emitter {
  #element;
  #api;
  #template;
  #tiles = [];
  #seen = new IntersectionObserver((entries) => this.#load(entries), { rootMargin: `${AHEAD_PX}px` });

  constructor({ element, api, template }) {
    super();
    this.#element = element;
    this.#api = api;
    this.#template = template;
    /** @type {Record<string, any[]>} */
    this.pictures = { content: [], style: [] };
  }

  /** Show the pictures of GET /api/gallery. @param {Record<string, any[]>} answer */
  show(answer) {
    for (const kind of ["content", "style"]) {
      const pictures = (answer[kind] ?? []).map((picture) => ({ ...picture, kind }));
      this.pictures[kind] = pictures;
      const part = this.#element.querySelector(`[data-kind=${kind}]`);
      part.hidden = pictures.length === 0;
      part.querySelector(".tiles").replaceChildren(...pictures.map((picture) => this.#tile(picture)));
    }
    const all = [...this.pictures.content, ...this.pictures.style];
    this.#element.hidden = all.length === 0;
    this.#credits(all);
  }

  /** The built-in picture with this id, or null. */
  find(id) {
    return [...this.pictures.content, ...this.pictures.style].find((picture) => picture.id === id) ?? null;
  }

  /** A content picture and two styles to begin with, or null when there are none. */
  get sample() {
    const { content, style } = this.pictures;
    return content.length && style.length ? { content: content[0], styles: style.slice(0, 2) } : null;
  }

  /** Mark the pictures that are in use. */
  mark(ids) {
    for (const { id, button } of this.#tiles) button.setAttribute("aria-pressed", String(ids.has(id)));
  }

  set locked(locked) {
    for (const { button } of this.#tiles) {
      button.disabled = locked;
      button.draggable = !locked;
    }
  }

  #tile(picture) {
    const item = this.#template.content.firstElementChild.cloneNode(true);
    const button = item.querySelector("button");
    const by = [picture.author, picture.licence].filter(Boolean).join(", ");
    const image = item.querySelector("img");
    image.dataset.src = this.#api.imageUrl(picture.id, 256);
    this.#seen.observe(image);
    item.querySelector(".tile-title").textContent = picture.title;
    item.querySelector(".tile-by").textContent = by;
    button.title = by ? `${picture.title} (${by})` : picture.title;
    button.setAttribute("aria-pressed", "false");
    const look = (image) => this.emit("look", { kind: picture.kind, image });
    button.addEventListener("click", (event) => {
      if (event.detail > 1) return; // the second half of a double click would fill the next slot too
      // from now on it is one of those that are chosen
      look(null);
      this.emit("pick", { kind: picture.kind, image: picture });
    });
    for (const type of ["pointerenter", "focus"]) {
      button.addEventListener(type, () => {
        if (!button.disabled) look(picture);
      });
    }
    for (const type of ["pointerleave", "blur"]) button.addEventListener(type, () => look(null));
    button.addEventListener("dragstart", (event) => {
      event.dataTransfer.effectAllowed = "copy";
      event.dataTransfer.setData(DRAG_TYPE, JSON.stringify(picture));
      event.dataTransfer.setDragImage(image, 40, 40);
    });
    this.#tiles.push({ id: picture.id, button });
    return item;
  }

  #load(entries) {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      target.src = target.dataset.src;
      this.#seen.unobserve(target);
    }
  }

  #credits(pictures) {
    const line = this.#element.querySelector(".credits");
    line.replaceChildren(text.credits);
    pictures.forEach((picture, index) => {
      if (index) line.append("; ");
      line.append(link(picture), `${picture.author ? `, ${picture.author}` : ""}${picture.licence ? ` (${picture.licence})` : ""}`);
    });
    line.append(".");
  }
}

function link(picture) {
  if (!/^https?:\/\//.test(picture.source ?? "")) return picture.title;
  return make("a", { href: picture.source, target: "_blank", rel: "noopener noreferrer" }, picture.title);
}

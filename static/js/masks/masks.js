// Areas painted on the picture, one mask per style: keeps them, shows them, and uploads them.

import { around } from "./brush.js";
import { Emitter } from "../lib/emitter.js";
import { follow } from "../lib/follow.js";
import { Latest } from "../lib/latest.js";
import { Layers, maskSize } from "./layers.js";
import { MaskToolbar } from "./toolbar.js";
import { Overlay } from "./overlay.js";
import { greyPng } from "./png.js";

/** @typedef {{id: string, width?: number, height?: number}} Image */

const SHAPE_TOLERANCE = 0.01;
// strokes within this time travel together
const UPLOAD_AFTER_MS = 200;

/** Events: `change` when the masks on the server are others, `done` when painting is over, `problem` {error}. */
export class Masks extends Emitter {
  #api;
  #frame;
  #overlay;
  #toolbar;
  #styles = /** @type {string[]} */ ([]);
  #shape = 4 / 3;
  #layers = new Layers(0, maskSize(4, 3));
  #ids = /** @type {(string | null)[] | null} */ (null);
  #uploads = new Latest(() => this.#upload());
  #error = /** @type {Error | null} */ (null);
  #stored = /** @type {{mask: Uint8ClampedArray, id: string}[]} */ ([]);
  #active = false;
  #dirty = /** @type {import("./brush.js").Box | null} */ (null);

  constructor({ frame, toolbar, api }) {
    super();
    this.#api = api;
    this.#frame = frame;
    this.#overlay = new Overlay(frame);
    this.#toolbar = new MaskToolbar({ element: toolbar, api });
    this.#listen();
  }

  /** What `params.masks` says: an image id or null per style; null as a whole when nothing is painted. */
  get ids() {
    return this.#ids;
  }

  /** Whether the tools are out. */
  get active() {
    return this.#active;
  }

  set active(active) {
    if (active && !this.#active) this.#frame.scrollIntoView({ block: "nearest" });
    this.#active = active;
    this.#overlay.shown = active;
    this.#toolbar.shown = active;
    if (active) this.#show();
  }

  /** Whether these masks are from this hand: it may be painting on, and an echo must not take its brush away. */
  owns(ids) {
    return this.#uploads.busy || ids.every((id) => id === null || this.#stored.some((stored) => stored.id === id));
  }

  /** Resolves when all that is painted is on the server; rejects with the reason when it cannot be brought there. */
  async uploaded() {
    if (this.#error) this.#uploads.run();
    await this.#uploads.idle();
    if (this.#error) throw this.#error;
  }

  /** @param {Image[]} images the styles in order */
  setStyles(images) {
    const ids = images.map((image) => image.id);
    if (ids.join() === this.#styles.join()) return;
    const from = follow(this.#styles, ids);
    this.#styles = ids;
    this.#layers.rearrange(from);
    this.#toolbar.setStyles(images);
    this.#show();
    const known = this.#ids;
    const moved = from.map((index) => known?.[index] ?? null);
    this.#ids = moved.some(Boolean) ? moved : null;
  }

  /** The picture that is painted over; one of another shape begins without areas. @param {Image | null} image */
  setContent(image) {
    if (!image?.width || !image?.height) return;
    const shape = image.width / image.height;
    if (Math.abs(shape / this.#shape - 1) < SHAPE_TOLERANCE) return;
    this.#shape = shape;
    this.#layers = new Layers(this.#styles.length, maskSize(image.width, image.height));
    this.#ids = null;
    this.#show();
  }

  /** Show masks that the server keeps. @param {(string | null)[]} ids */
  async load(ids) {
    this.#ids = ids;
    const layers = new Layers(this.#styles.length, this.#layers.size);
    try {
      await Promise.all(
        ids.map(async (id, index) => {
          if (id && index < layers.masks.length) layers.load(index, await this.#values(id, layers.size));
        }),
      );
    } catch {
      return; // a mask that is gone can be painted again; the server will say so at launch
    }
    if (this.#ids !== ids || layers.masks.length !== this.#styles.length) return;
    this.#layers = layers;
    this.#show();
  }

  async #values(id, { width, height }) {
    const bitmap = await createImageBitmap(await this.#api.blob(this.#api.imageUrl(id)));
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
    context.drawImage(bitmap, 0, 0, width, height);
    bitmap.close();
    return context.getImageData(0, 0, width, height).data.filter((_, at) => at % 4 === 0);
  }

  async #upload() {
    await new Promise((resolve) => setTimeout(resolve, UPLOAD_AFTER_MS));
    const styles = this.#styles;
    try {
      const ids = await Promise.all(this.#layers.given.map((mask) => mask && this.#storeMask(mask)));
      this.#error = null;
      if (styles !== this.#styles) return;
      const next = ids.some(Boolean) ? ids : null;
      if (String(next) === String(this.#ids)) return;
      this.#ids = next;
      this.emit("change");
    } catch (error) {
      this.#error = /** @type {Error} */ (error);
      this.emit("problem", { error });
    }
  }

  /** @param {Uint8ClampedArray} mask */
  async #storeMask(mask) {
    const same = this.#stored.find((stored) => stored.mask.length === mask.length && stored.mask.every((value, at) => value === mask[at]));
    if (same) return same.id;
    const copy = mask.slice(); // the brush may go on meanwhile
    const { width, height } = this.#layers.size;
    const png = await greyPng(width, height, copy);
    const { id } = await this.#api.upload(new Blob([png], { type: "image/png" }));
    this.#stored = [{ mask: copy, id }, ...this.#stored].slice(0, 2 * this.#styles.length);
    return id;
  }

  #listen() {
    const overlay = this.#overlay;
    const toolbar = this.#toolbar;
    overlay.on("begin", () => this.#layers.begin(toolbar.target));
    overlay.on("draw", ({ from, to }) => {
      const { width, height } = this.#layers.size;
      const { diameter, softness } = toolbar.brush;
      const box = this.#layers.draw(from, to, { radius: (diameter * Math.max(width, height)) / 2, softness });
      this.#paintSoon(box);
      this.#uploads.run();
    });
    overlay.on("end", () => this.#changed());
    overlay.on("undo", () => this.#undo());
    overlay.on("size", ({ by }) => toolbar.resize(by));
    toolbar.on("tool", () => this.#showBrush());
    toolbar.on("view", () => this.#showBrush());
    toolbar.on("fill", ({ side }) => {
      this.#layers.fill(toolbar.target, side, toolbar.brush.softness);
      this.#changed();
    });
    toolbar.on("undo", () => this.#undo());
    toolbar.on("clear", () => {
      this.#layers.clear();
      this.#changed();
    });
    toolbar.on("done", () => this.#finish());
    // before the page hears it, where Escape stops the painting
    window.addEventListener("keydown", (event) => this.#escape(event), { capture: true });
  }

  #finish() {
    this.active = false;
    this.emit("done");
  }

  #escape(event) {
    if (event.key !== "Escape" || !this.#active) return;
    event.stopPropagation();
    this.#finish();
  }

  // a pointer reports more places than the screen shows pictures
  #paintSoon(box) {
    if (!this.#dirty) requestAnimationFrame(() => this.#paint());
    this.#dirty = around(this.#dirty, box);
  }

  #paint() {
    if (this.#dirty && this.#active) this.#overlay.paint(this.#layers, this.#dirty);
    this.#dirty = null;
  }

  #undo() {
    this.#layers.undo();
    this.#changed();
  }

  #changed() {
    this.#show();
    this.#uploads.run();
  }

  #show() {
    this.#dirty = null;
    if (!this.#active) return;
    this.#overlay.paint(this.#layers);
    const { given, canUndo, empty } = this.#layers;
    this.#toolbar.show({ owns: given.map(Boolean), canUndo, empty });
    this.#showBrush();
  }

  #showBrush() {
    this.#overlay.brush(this.#toolbar.brush.diameter, this.#toolbar.target + 1);
    this.#overlay.faint = !this.#toolbar.visible;
  }
}

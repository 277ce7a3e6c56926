// Areas painted on the picture, one mask per style: keeps them, shows them, and brings them to the server.

import { around } from "./brush.js";
import { follow } from "../lib/follow.js";
import { Latest } from "../lib/latest.js";
import { Layers, maskSize } from "./layers.js";
import { MaskBar } from "./maskbar.js";
import { Overlay } from "./overlay.js";
import { greyPng } from "./png.js";

/** @typedef {{id: string, width?: number, height?: number}} Image */

const SHAPE_TOLERANCE = 0.01;
// strokes within this time travel together
const CARRY_AFTER_MS = 200;

/** Events: `change` when the masks on the server are others, `done` when painting is over, `problem` {error}. */
export class Masks extends EventTarget {
  #api;
  #frame;
  #overlay;
  #bar;
  #styles = /** @type {string[]} */ ([]);
  #shape = 4 / 3;
  #layers = new Layers(0, maskSize(4, 3));
  #ids = /** @type {(string | null)[] | null} */ (null);
  #carrier = new Latest(() => this.#carry());
  #error = /** @type {Error | null} */ (null);
  #sent = /** @type {{mask: Uint8ClampedArray, id: string}[]} */ ([]);
  #active = false;
  #dirty = /** @type {import("./brush.js").Box | null} */ (null);

  constructor({ frame, bar, api }) {
    super();
    this.#api = api;
    this.#frame = frame;
    this.#overlay = new Overlay(frame);
    this.#bar = new MaskBar({ element: bar, api });
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
    this.#bar.shown = active;
    if (active) this.#show();
  }

  /** Whether these masks are from this hand: it may be painting on, and an echo must not take its brush away. */
  owns(ids) {
    return this.#carrier.busy || ids.every((id) => id === null || this.#sent.some((sent) => sent.id === id));
  }

  /** Resolves when all that is painted is on the server; rejects with the reason when it cannot be brought there. */
  async settle() {
    if (this.#error) this.#carrier.run();
    await this.#carrier.idle();
    if (this.#error) throw this.#error;
  }

  /** @param {Image[]} images the styles in order */
  setStyles(images) {
    const ids = images.map((image) => image.id);
    if (ids.join() === this.#styles.join()) return;
    const from = follow(this.#styles, ids);
    this.#styles = ids;
    this.#layers.rearrange(from);
    this.#bar.setStyles(images);
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
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
    pen.drawImage(bitmap, 0, 0, width, height);
    bitmap.close();
    return pen.getImageData(0, 0, width, height).data.filter((_, at) => at % 4 === 0);
  }

  async #carry() {
    await new Promise((resolve) => setTimeout(resolve, CARRY_AFTER_MS));
    const styles = this.#styles;
    try {
      const ids = await Promise.all(this.#layers.given.map((mask) => mask && this.#store(mask)));
      this.#error = null;
      if (styles !== this.#styles) return;
      const next = ids.some(Boolean) ? ids : null;
      if (String(next) === String(this.#ids)) return;
      this.#ids = next;
      this.#tell("change");
    } catch (error) {
      this.#error = /** @type {Error} */ (error);
      this.#tell("problem", { error });
    }
  }

  /** @param {Uint8ClampedArray} mask */
  async #store(mask) {
    const same = this.#sent.find((sent) => sent.mask.length === mask.length && sent.mask.every((value, at) => value === mask[at]));
    if (same) return same.id;
    const copy = mask.slice(); // the brush goes on meanwhile
    const { width, height } = this.#layers.size;
    const png = await greyPng(width, height, copy);
    const { id } = await this.#api.upload(new Blob([png], { type: "image/png" }));
    this.#sent = [{ mask: copy, id }, ...this.#sent].slice(0, 2 * this.#styles.length);
    return id;
  }

  #listen() {
    const overlay = this.#overlay;
    const bar = this.#bar;
    overlay.addEventListener("begin", () => this.#layers.begin(bar.target));
    overlay.addEventListener("draw", (event) => {
      const { from, to } = /** @type {CustomEvent} */ (event).detail;
      const { width, height } = this.#layers.size;
      const { diameter, softness } = bar.brush;
      const box = this.#layers.draw(from, to, { radius: (diameter * Math.max(width, height)) / 2, softness });
      this.#paintSoon(box);
      this.#carrier.run();
    });
    overlay.addEventListener("end", () => this.#changed());
    overlay.addEventListener("undo", () => this.#undo());
    overlay.addEventListener("size", (event) => bar.resize(/** @type {CustomEvent} */ (event).detail.by));
    bar.addEventListener("tool", () => this.#hold());
    bar.addEventListener("view", () => this.#hold());
    bar.addEventListener("fill", (event) => {
      this.#layers.fill(bar.target, /** @type {CustomEvent} */ (event).detail.side, bar.brush.softness);
      this.#changed();
    });
    bar.addEventListener("undo", () => this.#undo());
    bar.addEventListener("clear", () => {
      this.#layers.clear();
      this.#changed();
    });
    bar.addEventListener("done", () => this.#finish());
    // before the page hears it, to which Escape means to stop the painting
    window.addEventListener("keydown", (event) => this.#escape(event), { capture: true });
  }

  #finish() {
    this.active = false;
    this.#tell("done");
  }

  #escape(event) {
    if (event.key !== "Escape" || !this.#active) return;
    event.stopPropagation();
    this.#finish();
  }

  // a pen tells more places than the screen shows pictures
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
    this.#carrier.run();
  }

  #show() {
    this.#dirty = null;
    if (!this.#active) return;
    this.#overlay.paint(this.#layers);
    const { given, canUndo, empty } = this.#layers;
    this.#bar.show({ owns: given.map(Boolean), canUndo, empty });
    this.#hold();
  }

  #hold() {
    this.#overlay.brush(this.#bar.brush.diameter, this.#bar.target + 1);
    this.#overlay.faint = !this.#bar.visible;
  }

  /** @param {string} type @param {object | null} [detail] */
  #tell(type, detail = null) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

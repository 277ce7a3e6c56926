// Instant pictures of what is chosen: one is asked for at a time, what is wanted meanwhile waits, the newest wins.

import { Emitter } from "../lib/emitter.js";

// a server that takes this long helps nobody who moves a slider
const SLOW_MS = 4000;
// what is lost on the way must not hold up the next for ever
const LOST_MS = 15000;

/**
 * Events: `picture` {image, mime} of what was wanted last, `problem` {error} as the server says it.
 */
export class Previews extends Emitter {
  #link;
  #saving;
  #clock;
  /** @type {string | null} the request that is on its way */
  #ref = null;
  #sentMs = 0;
  #timer = 0;
  /** @type {any} what to ask for next */
  #wish = null;
  #wanted = false;
  #slow = false;

  /** `saving` says whether data must be saved; `clock` counts milliseconds. */
  constructor(link, { saving = savingData, clock = () => performance.now() } = {}) {
    super();
    this.#link = link;
    this.#saving = saving;
    this.#clock = clock;
    link.on("status", () => this.#changed());
    link.on("frame", ({ header, image }) => this.#picture(header, image));
    link.on("message", (message) => this.#refused(message));
  }

  /** Whether there will be any: not where data is saved, nothing is live, or the server is slow. */
  get offered() {
    return this.#link.isOpen && !this.#link.isPolling && !this.#slow && !this.#saving();
  }

  /** Have a picture of {content, styles, params, max_px}, ids and parameters as for a job. */
  want(order) {
    this.#wish = order;
    this.#wanted = true;
    this.#next();
  }

  /** Want none: what is on its way is dropped when it comes. */
  forget() {
    this.#wish = null;
    this.#wanted = false;
  }

  #next() {
    if (this.#wish === null || this.#ref !== null || !this.offered) return;
    const ref = this.#link.nextRef();
    if (!this.#link.send({ type: "preview", ...this.#wish, ref })) return;
    this.#wish = null;
    this.#ref = ref;
    this.#sentMs = this.#clock();
    this.#timer = window.setTimeout(() => this.#done(), LOST_MS);
  }

  #picture(header, image) {
    if (header.job !== null || header.ref !== this.#ref) return;
    this.#slow = this.#clock() - this.#sentMs > SLOW_MS;
    const wanted = this.#wanted;
    this.#done();
    if (wanted) this.emit("picture", { image, mime: header.mime });
  }

  #refused(message) {
    if (message.type !== "error" || message.ref === undefined || message.ref !== this.#ref) return;
    const wanted = this.#wanted && this.#wish === null;
    this.#done();
    if (wanted && message.code !== "superseded") this.emit("problem", { error: message });
  }

  // an answer that belonged to a lost connection will not come
  #changed() {
    if (!this.#link.isOpen) this.#done({ next: false });
    else this.#next();
  }

  #done({ next = true } = {}) {
    clearTimeout(this.#timer);
    this.#ref = null;
    if (next) this.#next();
  }
}

/** Whether this browser asks for little data. */
export function savingData() {
  const connection = /** @type {any} */ (navigator).connection;
  return connection?.saveData === true || window.matchMedia("(prefers-reduced-data: reduce)").matches;
}

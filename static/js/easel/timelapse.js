// The course of a painting: a slider through its recorded frames, a button that plays them, animations to download.

import { positionOf, showPosition } from "../lib/elements.js";
import { Emitter } from "../lib/emitter.js";
import { text } from "../lib/texts.js";

const words = text.timelapse;

/** Events: `picture` {blob} when another frame is to be seen, `leave` when the finished picture is. */
export class Timelapse extends Emitter {
  #element;
  #api;
  #range;
  #play;
  #where;
  #links;
  #job = "";
  #frames = /** @type {{n: number, step: number}[]} */ ([]);
  #blobs = new Map();
  #fps = 8;
  #timer = 0;
  #wanted = -1;

  constructor({ element, api }) {
    super();
    this.#element = element;
    this.#api = api;
    this.#range = element.querySelector("input");
    this.#play = element.querySelector("[data-act=play]");
    this.#where = element.querySelector("output");
    this.#links = [...element.querySelectorAll("[data-animation]")];
    this.#range.addEventListener("input", () => {
      this.#pause();
      this.#go(Number(this.#range.value));
    });
    this.#play.addEventListener("click", () => (this.#timer ? this.#pause() : this.#start()));
  }

  get shown() {
    return !this.#element.hidden;
  }

  /** Whether there is something to scrub through for this job. */
  has(job) {
    return job === this.#job && this.#frames.length > 1;
  }

  /** Ask the server what it recorded of a finished job; true when that is something. */
  async load(job) {
    if (this.#job === job) return this.has(job);
    this.clear();
    this.#job = job;
    let course;
    try {
      course = await this.#api.json(`api/jobs/${encodeURIComponent(job)}/timelapse.json`);
    } catch {
      return false; // this server records none, or no longer has it
    }
    if (this.#job !== job) return false;
    this.#frames = course.frames ?? [];
    this.#fps = course.fps || 8;
    this.#range.max = String(Math.max(0, this.#frames.length - 1));
    for (const link of this.#links) {
      link.hidden = !(course.formats ?? []).includes(link.dataset.animation);
      link.href = this.#api.jobUrl(job, `timelapse.${link.dataset.animation}`);
    }
    return this.has(job);
  }

  clear() {
    this.close();
    this.#job = "";
    this.#frames = [];
    this.#blobs.clear();
  }

  open() {
    this.#element.hidden = false;
    this.#show(this.#frames.length - 1);
    this.#range.focus();
  }

  close() {
    if (this.#element.hidden) return;
    this.#pause();
    this.#element.hidden = true;
    this.#wanted = -1;
    this.emit("leave");
  }

  #start() {
    if (this.#wanted >= this.#frames.length - 1) this.#wanted = -1;
    this.#play.textContent = words.pause;
    const next = async () => {
      const timer = this.#timer;
      await this.#go(this.#wanted + 1);
      if (this.#timer !== timer) return; // paused meanwhile, and perhaps started again
      if (this.#wanted >= this.#frames.length - 1) this.#pause();
      else this.#timer = window.setTimeout(next, 1000 / this.#fps);
    };
    this.#timer = window.setTimeout(next, 0);
  }

  #pause() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#play.textContent = words.play;
  }

  #show(index) {
    this.#wanted = index;
    const { step } = this.#frames[index] ?? { step: 0 };
    this.#range.value = String(index);
    showPosition(this.#range, positionOf(this.#range), text.step(step));
    this.#where.textContent = text.step(step);
  }

  // the newest request wins: a frame that comes late is kept, but not shown
  async #go(index) {
    const job = this.#job;
    this.#show(index);
    const frame = this.#frames[index];
    if (!frame) return;
    let blob = this.#blobs.get(frame.n);
    if (!blob) {
      try {
        blob = await this.#api.blob(this.#api.jobUrl(job, `timelapse/${frame.n}.jpg`));
      } catch {
        return; // the next one may be there
      }
      if (job !== this.#job) return;
      this.#blobs.set(frame.n, blob);
    }
    if (this.#wanted === index && this.shown) this.emit("picture", { blob });
  }
}

// The conversation of a socket, held by asking over HTTP: for networks that let no WebSocket through.

import { Emitter } from "../lib/emitter.js";
import { text } from "../lib/texts.js";
import { ApiError } from "./problems.js";
import { ENDED } from "./protocol.js";

const EVERY_MS = 1000;
// jobs that are followed without frames, and a page that nobody sees, are asked for less often
const SELDOM = 5;
const MOST_FAILURES = 3;

/**
 * Events: `hello` {limits, device} when asking begins, `message` (only of the types state and error), `frame` {header, image}, `lost`
 * {error} when the server does not answer any more.
 */
export class Polling extends Emitter {
  #api;
  #open = false;
  #timer = 0;
  #round = 0;
  #failures = 0;
  /** @type {Map<string, {frames: boolean, ref?: string, known: string, drawn: number, fetching: boolean}>} */
  #jobs = new Map();

  constructor(api) {
    super();
    this.#api = api;
  }

  get isOpen() {
    return this.#open;
  }

  open() {
    if (this.#open) return;
    this.#open = true;
    this.#failures = 0;
    this.emit("hello", { limits: this.#api.limits, device: "" });
    this.#ask();
  }

  close() {
    this.#open = false;
    this.#jobs.clear();
    clearTimeout(this.#timer);
  }

  /** As of a socket: `subscribe` and `unsubscribe` act, there is no need for the others. */
  send({ type, job, frames, ref }) {
    if (!this.#open) return false;
    if (type === "subscribe") this.#follow(job, Boolean(frames), ref);
    if (type === "unsubscribe") this.#jobs.delete(job);
    return true;
  }

  /** `submit` and `cancel` as of a socket; rejects with ApiError, always for what needs one. */
  async request({ type, job, key, content, styles, params }) {
    if (type === "submit") {
      const accepted = await this.#api.json("api/jobs", { body: { content, styles, params } });
      this.#follow(accepted.job, true);
      return { ...accepted, type: "accepted" };
    }
    if (type === "cancel") {
      await this.#api.cancel(job, key);
      if (this.#jobs.has(job)) this.#askSoon();
      return { type: "ok" };
    }
    throw new ApiError({ code: "not_available", message: text.polling.refused });
  }

  #follow(id, frames, ref) {
    this.#jobs.set(id, { frames, ref, known: "", drawn: 0, fetching: false });
    this.#askSoon();
  }

  #askSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask());
  }

  async #ask() {
    clearTimeout(this.#timer);
    const round = (this.#round += 1);
    const all = round % SELDOM === 0;
    const wanted = [...this.#jobs].filter(([, job]) => all || !job.known || (job.frames && !document.hidden));
    const done = await Promise.all(wanted.map(([id, job]) => this.#look(id, job)));
    // another round may have begun meanwhile, or the socket come back
    if (!this.#open || round !== this.#round) return;
    const failed = done.find((error) => error !== null);
    this.#failures = failed ? this.#failures + 1 : 0;
    if (this.#failures >= MOST_FAILURES) {
      this.close();
      this.emit("lost", { error: failed });
      return;
    }
    this.#timer = setTimeout(() => this.#ask(), EVERY_MS);
  }

  /** Ask for one job; resolves to the error when there was no server to answer, else to null. */
  async #look(id, job) {
    let state;
    try {
      state = await this.#api.json(`api/jobs/${encodeURIComponent(id)}`);
    } catch (error) {
      if (error.status !== 404 || error.code === "proxy") return error;
      if (this.#jobs.get(id) !== job) return null;
      this.#jobs.delete(id);
      this.emit("message", { type: "error", ref: job.ref, code: error.code, message: error.message });
      return null;
    }
    if (this.#jobs.get(id) !== job) return null;
    if (job.frames && state.step > 0 && state.step !== job.drawn && !document.hidden) this.#show(id, job, state);
    if (ENDED.has(state.status)) this.#jobs.delete(id);
    const known = JSON.stringify(state);
    if (known !== job.known) this.emit("message", { ...state, type: "state" });
    job.known = known;
    return null;
  }

  // not waited for: the server takes its time for the first picture
  async #show(id, job, { status, step, width, height, frame_seq: seq }) {
    if (job.fetching || ENDED.has(status)) return;
    job.fetching = true;
    try {
      const blob = await this.#api.blob(this.#api.jobUrl(id, "frame.jpg"));
      const image = new Uint8Array(await blob.arrayBuffer());
      job.drawn = step;
      const header = { type: "frame", job: id, seq, step, width, height, mime: "image/jpeg", final: false };
      if (this.#jobs.get(id) === job) this.emit("frame", { header, image });
    } catch {
      // the next round asks again
    }
    job.fetching = false;
  }
}

// The unfinished jobs of this browser that are not on view: followed without frames.

import { Emitter } from "../lib/emitter.js";
import { newJob, reduce } from "./job.js";
import { ENDED } from "./protocol.js";

const MOST_JOBS = 12; // a connection watches a limited number of jobs, and the one on view is among them

/** Events: `change` {job} after each message about one of them, `gone` {id} when the server does not know it. */
export class BackgroundJobs extends Emitter {
  #socket;
  /** @type {Map<string, any>} */
  #jobs = new Map();
  #asked = new Map();

  constructor(socket) {
    super();
    this.#socket = socket;
    socket.on("hello", () => {
      for (const id of this.#jobs.keys()) this.#subscribe(id);
    });
    socket.on("message", (message) => this.#message(message));
  }

  job(id) {
    return this.#jobs.get(id) ?? null;
  }

  /** Follow exactly these jobs ({id, key}). */
  follow(records) {
    const wanted = new Map(records.slice(0, MOST_JOBS).map((record) => [record.id, record]));
    for (const id of [...this.#jobs.keys()]) {
      if (!wanted.has(id)) this.#jobs.delete(id);
    }
    for (const { id, key } of wanted.values()) {
      if (this.#jobs.has(id)) continue;
      this.#jobs.set(id, newJob(id, key));
      this.#subscribe(id);
    }
  }

  /** Stop one of them; rejects with the server's ApiError. */
  cancel(id, key) {
    return this.#socket.request({ type: "cancel", job: id, key });
  }

  #subscribe(id) {
    const ref = this.#socket.nextRef();
    if (this.#socket.send({ type: "subscribe", job: id, frames: false, ref })) this.#asked.set(ref, id);
  }

  #message(message) {
    const refused = message.type === "error" ? this.#asked.get(message.ref) : undefined;
    if (refused !== undefined) {
      this.#asked.delete(message.ref);
      this.#jobs.delete(refused);
      if (message.code === "not_found") this.emit("gone", { id: refused });
      return;
    }
    const job = this.#jobs.get(message.job);
    if (!job) return;
    const next = reduce(job, message);
    if (next === job) return;
    if (ENDED.has(next.status)) this.#jobs.delete(next.id);
    else this.#jobs.set(next.id, next);
    this.emit("change", { job: next });
  }
}

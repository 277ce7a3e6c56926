// The job on view and the socket that feeds it: submit, follow across lost connections, steer.

import { ApiError } from "./problems.js";
import { Emitter } from "../lib/emitter.js";
import { newJob, reduce } from "./job.js";
import { ACTIVE, ENDED } from "./protocol.js";

const UPDATE_AFTER_MS = 150;

/**
 * Events: `job` {job, message} after each message about the job, `frame` {header, image}, `missing` {id, error} when the job
 * cannot be watched, `problem` {error} when steering failed.
 */
export class Session extends Emitter {
  #socket;
  #frames;
  #subscribeRef = null;
  /** @type {number | null} the `seq` of the last frame that came */
  #frameSeq = null;
  #changes = {};
  #changeTimer = 0;

  /** `frames` is a function giving the frame options {max_px, max_fps, quality, window} of this moment. */
  constructor({ socket, frames }) {
    super();
    this.job = null;
    this.#frames = frames;
    this.#socket = socket;
    socket.on("hello", () => this.#subscribe());
    socket.on("message", (message) => this.#message(message));
    socket.on("frame", (frame) => this.#frame(frame));
  }

  get active() {
    return this.job !== null && ACTIVE.has(this.job.status);
  }

  get mine() {
    return Boolean(this.job?.key);
  }

  /** Whether the job can be paused and changed, and not only stopped. */
  get steerable() {
    return this.mine && !this.#socket.isPolling;
  }

  /** Follow a job; with its key it can be steered too. */
  open(id, key = null) {
    this.close();
    this.job = newJob(id, key);
    this.#subscribe();
  }

  /** Follow no job any more. */
  close() {
    if (this.job && !ENDED.has(this.job.status)) this.#socket.send({ type: "unsubscribe", job: this.job.id });
    this.#dropChanges();
    this.job = null;
    this.#subscribeRef = null;
    this.#frameSeq = null;
  }

  /** Submit and follow; resolves to the job. Rejects with the server's ApiError; the job on view then stays. */
  async submit({ content, styles, params }) {
    const early = [];
    const keep = (event) => early.push(event.detail);
    // messages that follow the answer before this function goes on belong to the new job
    this.#socket.addEventListener("message", keep);
    try {
      const answer = await this.#socket.request({ type: "submit", content, styles, params, frames: this.#frames() });
      this.close();
      this.job = { ...newJob(answer.job, answer.key), content, styles, params };
      for (const message of early) this.#apply(message);
      return this.job;
    } finally {
      this.#socket.removeEventListener("message", keep);
    }
  }

  /** Names of the parameters that a person has just changed here, and the server does not know yet. */
  get pending() {
    return new Set(Object.keys(this.#changes));
  }

  /** Change a live parameter; changes within 150 ms travel together. */
  change(name, value) {
    if (!this.active || !this.steerable) return;
    this.#changes[name] = value;
    clearTimeout(this.#changeTimer);
    this.#changeTimer = setTimeout(() => {
      const params = this.#changes;
      this.#changes = {};
      this.steer("update", { params });
    }, UPDATE_AFTER_MS);
  }

  #dropChanges() {
    clearTimeout(this.#changeTimer);
    this.#changes = {};
  }

  /** Tell the server that a frame was drawn, so that the next may come. */
  ack({ job, seq }) {
    if (job === this.job?.id) this.#socket.send({ type: "ack", job, seq });
  }

  /** Send `cancel`, `pause`, `resume` or `update`, if the job on view is one's own; a refusal is the event `problem`,
   * but not that of a change which came as the job ended. */
  async steer(type, fields = {}) {
    const job = this.job;
    if (!job?.key) return;
    // what was changed just before would be refused, and the refusal would hide that it has stopped
    if (type === "cancel") this.#dropChanges();
    try {
      await this.#socket.request({ type, job: job.id, key: job.key, ...fields });
    } catch (error) {
      const late = type === "update" && error.code === "job_ended" && ENDED.has(this.job?.status);
      if (this.job?.id === job.id && !late) this.emit("problem", { error });
    }
  }

  #subscribe() {
    if (!this.job || ENDED.has(this.job.status) || !this.#socket.isOpen) return;
    const message = { type: "subscribe", job: this.job.id, frames: this.#frames() };
    if (this.#frameSeq !== null) message.after = this.#frameSeq;
    this.#subscribeRef = this.#socket.nextRef();
    this.#socket.send({ ...message, ref: this.#subscribeRef });
  }

  #message(message) {
    if (message.type === "error" && message.ref !== undefined && message.ref === this.#subscribeRef) {
      const { id } = this.job ?? { id: "" };
      this.#subscribeRef = null;
      this.job = null;
      this.emit("missing", { id, error: new ApiError(message) });
      return;
    }
    this.#apply(message);
  }

  #apply(message) {
    if (!this.job || message.job !== this.job.id) return;
    const next = reduce(this.job, message);
    if (next === this.job) return;
    this.job = next;
    this.emit("job", { job: next, message });
  }

  #frame(frame) {
    if (frame.header.job !== this.job?.id) return;
    this.#frameSeq = frame.header.seq;
    this.emit("frame", frame);
  }
}

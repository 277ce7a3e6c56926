// The jobs of this browser: what is remembered of them, the lists that show them, and those that run in the background.

import { showAddress } from "../lib/address.js";
import { agreed } from "../panels/ask.js";
import { ACTIVE } from "../net/protocol.js";
import { text } from "../lib/texts.js";

const THUMBNAIL_PX = 192;

export class OwnJobs {
  #api;
  #memory;
  #parts;
  #view;

  constructor({ api, memory, parts, view }) {
    this.#api = api;
    this.#memory = memory;
    this.#parts = parts;
    this.#view = view;
    const { paintings, background } = parts;
    paintings.on("open", (id) => this.open(id));
    paintings.on("stop", (id) => this.#stop(id));
    paintings.on("remove", (id) => this.remove(id));
    background.on("change", ({ job }) => this.#backgroundChanged(job));
    background.on("gone", ({ id }) => this.#forget(id));
    view.on("ended", ({ job }) => this.#keepThumbnail(job.id, thumbnail(parts.easel.canvas)));
    window.addEventListener("storage", (event) => {
      if (memory.isJob(event.key)) this.refresh();
    });
  }

  /** Show what is remembered, and follow the jobs that are not on view. */
  refresh() {
    const { paintings, background, session } = this.#parts;
    const records = this.#memory.jobs;
    const current = session.job?.id ?? null;
    background.follow(records.filter((record) => record.id !== current && ACTIVE.has(record.status)));
    paintings.show(records, current);
    for (const { id } of records) {
      const job = id === current ? session.job : background.job(id);
      if (job) paintings.update(job);
    }
  }

  /** The job on view has changed. */
  jobChanged() {
    const { session, paintings } = this.#parts;
    const { job } = session;
    if (!job || job.status === "unknown") return;
    if (!this.#keepStatus(job)) paintings.update(job);
  }

  /** Put a remembered job on view, with its pictures and settings. */
  open(id) {
    const { session, easel } = this.#parts;
    const kept = this.#memory.job(id);
    if (kept && session.job?.id !== id) {
      session.open(id, kept.key ?? null);
      showAddress(id);
      this.#view.clearEasel();
      this.#view.restore(kept);
      this.#view.jobChanged();
      this.refresh();
    }
    easel.reveal();
  }

  /** Delete a job for good, after asking whether that is really meant. */
  async remove(id) {
    const { session, confirm, status } = this.#parts;
    const kept = this.#memory.job(id);
    if (!(await agreed(confirm))) return;
    try {
      if (kept?.key) await this.#api.forget(id, kept.key);
    } catch (error) {
      status.say("error", text.paintings.notDeleted, error.message);
      return;
    }
    if (session.job?.id === id) this.#view.startAnew();
    this.#forget(id);
  }

  async #stop(id) {
    const { session, background, status } = this.#parts;
    if (session.job?.id === id) {
      session.steer("cancel");
      return;
    }
    try {
      await background.cancel(id, this.#memory.job(id)?.key);
    } catch (error) {
      status.say("error", text.paintings.notStopped, error.message);
    }
  }

  async #backgroundChanged(job) {
    this.#parts.paintings.update(job);
    if (!this.#keepStatus(job) || ACTIVE.has(job.status) || !job.step) return;
    try {
      const bitmap = await createImageBitmap(await this.#api.blob(this.#api.jobUrl(job.id, "frame.jpg")));
      this.#keepThumbnail(job.id, thumbnail(bitmap));
      bitmap.close();
    } catch {
      // then its tile shows the content picture
    }
  }

  /** Remember the status of a job; true when it is another one now. */
  #keepStatus({ id, status }) {
    const kept = this.#memory.job(id);
    if (!kept || kept.status === status) return false;
    this.#memory.keepJob(id, { status });
    this.refresh();
    return true;
  }

  #forget(id) {
    this.#memory.forgetJob(id);
    this.refresh();
  }

  #keepThumbnail(id, thumb) {
    if (!this.#memory.job(id) || !thumb) return;
    this.#memory.keepJob(id, { thumb });
    this.refresh();
  }
}

/** A canvas or bitmap as a JPEG of at most 192 px that the browser's storage can hold: a data URL. */
function thumbnail(picture) {
  const scale = Math.min(1, THUMBNAIL_PX / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const context = canvas.getContext("2d");
  if (!context) return null;
  // what is transparent would be black in a JPEG
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.72);
}

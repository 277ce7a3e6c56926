// The jobs of this browser: what is remembered of them, the shelf that shows them, those that go on unseen.

import { showAddress } from "../lib/address.js";
import { agreed } from "../panels/ask.js";
import { ACTIVE } from "../net/protocol.js";
import { text } from "../lib/texts.js";

const THUMBNAIL_PX = 192;

export class Library {
  #api;
  #memory;
  #parts;
  #view;

  constructor({ api, memory, parts, view }) {
    this.#api = api;
    this.#memory = memory;
    this.#parts = parts;
    this.#view = view;
    const { shelf, others } = parts;
    shelf.addEventListener("open", (event) => this.open(event.detail.id));
    shelf.addEventListener("stop", (event) => this.#stop(event.detail.id));
    shelf.addEventListener("remove", (event) => this.remove(event.detail.id));
    others.addEventListener("change", (event) => this.#changed(event.detail.job));
    others.addEventListener("gone", (event) => this.#gone(event.detail.id));
    view.addEventListener("ended", (event) => this.#keepThumbnail(event.detail.job));
    window.addEventListener("storage", (event) => {
      if (memory.isJob(event.key)) this.refresh();
    });
  }

  /** Show what is remembered, and follow what goes on unseen. */
  refresh() {
    const { shelf, others, session } = this.#parts;
    const records = this.#memory.jobs;
    const current = session.job?.id ?? null;
    others.follow(records.filter((record) => record.id !== current && ACTIVE.has(record.status)));
    shelf.show(records, current);
    for (const { id } of records) {
      const job = id === current ? session.job : others.job(id);
      if (job) shelf.tell(job);
    }
  }

  /** The job on view is another value. */
  seen() {
    const { session, shelf } = this.#parts;
    const { job } = session;
    if (!job || job.status === "unknown") return;
    const kept = this.#memory.job(job.id);
    if (kept && kept.status !== job.status) this.#memory.keepJob(job.id, { status: job.status });
    if (kept && kept.status !== job.status) this.refresh();
    else shelf.tell(job);
  }

  /** Put a remembered job on view, with its pictures and settings. */
  open(id) {
    const { session, stage } = this.#parts;
    const kept = this.#memory.job(id);
    if (!kept || session.job?.id === id) {
      stage.reveal();
      return;
    }
    session.open(id, kept.key ?? null);
    showAddress(id);
    this.#view.begin();
    this.#view.restore(kept);
    this.#view.job();
    this.refresh();
    stage.reveal();
  }

  /** Delete a job for good, if that is really meant. */
  async remove(id) {
    const { session, confirm, status } = this.#parts;
    const kept = this.#memory.job(id);
    if (!(await agreed(confirm))) return;
    try {
      if (kept?.key) await this.#api.forget(id, kept.key);
    } catch (error) {
      status.say("error", text.shelf.notDeleted, error.message);
      return;
    }
    if (session.job?.id === id) this.#view.startAnew();
    this.#gone(id);
  }

  async #stop(id) {
    const { session, others, status } = this.#parts;
    if (session.job?.id === id) {
      session.cancel();
      return;
    }
    try {
      await others.cancel(id, this.#memory.job(id)?.key);
    } catch (error) {
      status.say("error", text.shelf.notStopped, error.message);
    }
  }

  async #changed(job) {
    const kept = this.#memory.job(job.id);
    this.#parts.shelf.tell(job);
    if (!kept || kept.status === job.status) return;
    this.#memory.keepJob(job.id, { status: job.status });
    this.refresh();
    if (ACTIVE.has(job.status) || !job.step) return;
    try {
      this.#keep(job.id, await thumbnailOf(await this.#api.blob(this.#api.frameUrl(job.id))));
    } catch {
      // its content picture stands for it
    }
  }

  #gone(id) {
    this.#memory.forgetJob(id);
    this.refresh();
  }

  #keepThumbnail(job) {
    this.#keep(job.id, thumbnail(this.#parts.stage.canvas));
  }

  #keep(id, thumb) {
    if (!this.#memory.job(id) || !thumb) return;
    this.#memory.keepJob(id, { thumb });
    this.refresh();
  }
}

/** A JPEG of at most 192 px as data URL, from a canvas or a bitmap. */
function thumbnail(picture) {
  const scale = Math.min(1, THUMBNAIL_PX / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const to = canvas.getContext("2d");
  if (!to) return null;
  to.imageSmoothingQuality = "high";
  to.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.72);
}

/** The same from an encoded picture. */
async function thumbnailOf(blob) {
  const bitmap = await createImageBitmap(blob);
  const small = thumbnail(bitmap);
  bitmap.close();
  return small;
}

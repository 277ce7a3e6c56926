// Puts the parts together: what happens on launch, on messages, on reload. The parts know nothing of each other.

import { showAddress, showTitle } from "./address.js";
import { makeParts } from "./parts.js";
import { ENDED } from "./protocol.js";
import { copy } from "./tools.js";

export class App {
  #api;
  #memory;
  #parts;
  #launching = false;
  #loaded = true;
  #restoring = false;
  #shownContent = null;
  #result = null;

  constructor({ api, memory }) {
    this.#api = api;
    this.#memory = memory;
    this.#parts = makeParts({ api, frames: () => this.#frameOptions() });
    this.#listen();
  }

  /** Load limits and gallery, connect, and open the job of the address or the draft of this tab. */
  async start(jobId) {
    const { session, slots, controls, status } = this.#parts;
    const loading = this.#load();
    if (jobId) session.open(jobId, this.#memory.job(jobId)?.key ?? null);
    session.connect();
    await loading;
    const kept = jobId ? this.#memory.job(jobId) : this.#memory.draft;
    if (kept) {
      this.#restoring = true;
      this.#shownContent = kept.content?.id ?? null;
      slots.restore({ content: kept.content, styles: kept.styles ?? [] });
      controls.values = kept.params ?? {};
      this.#restoring = false;
    }
    if (session.job && !kept) this.#showAsked(session.job);
    if (!jobId) status.say("idle", "");
    this.#refresh();
  }

  async #load() {
    const { gallery, controls } = this.#parts;
    const limits = this.#api.json("api/limits").then((answer) => {
      this.#api.limits = answer;
      controls.describe(answer);
    });
    const shown = gallery.load().then(() => {
      const { content, style } = gallery.pictures;
      this.#parts.example.hidden = content.length === 0 || style.length === 0;
    });
    const results = await Promise.allSettled([limits, shown]);
    this.#loaded = results.every(({ status }) => status === "fulfilled");
  }

  #frameOptions() {
    const limits = this.#api.limits;
    return { max_px: Math.min(this.#parts.stage.pixels, limits.max_frame_px ?? 512), quality: 85, window: 1 };
  }

  async #launch() {
    const { session, slots, controls, status, stage, chart } = this.#parts;
    if (this.#launching || session.active) return;
    if (slots.busy) {
      status.say("note", "One moment", "a picture is still on its way to the server.");
      return;
    }
    const missing = slots.missing;
    if (missing) {
      status.say("note", missing === slots.content ? "Choose a content picture first." : "Choose at least one style first.");
      missing.focus();
      return;
    }
    if (controls.invalid) {
      controls.invalid.report();
      return;
    }
    const inputs = this.#inputs();
    this.#launching = true;
    // nobody may take the end of the last painting for that of this one
    status.say("launching", "Starting");
    this.#refresh();
    try {
      const job = await session.submit({
        content: inputs.content.id,
        styles: inputs.styles.map((image) => image.id),
        params: inputs.params,
      });
      this.#result = null;
      this.#memory.keepJob(job.id, { key: job.key, ...inputs });
      showAddress(job.id);
      stage.clearPainting();
      stage.reveal();
      chart.clear();
      this.#launching = false;
      this.#onJob();
    } catch (error) {
      this.#launching = false;
      status.say("error", "Not started", error.message);
      this.#refresh();
      controls.find(error.field)?.focus();
    }
  }

  #inputs() {
    const { slots, controls } = this.#parts;
    const bare = ({ id, width, height, title }) => ({ id, width, height, title });
    return {
      content: slots.contentImage && bare(slots.contentImage),
      styles: slots.styleImages.map(bare),
      params: controls.values,
    };
  }

  /** Bring the page in line with the job on view. */
  #onJob(message = /** @type {any} */ (null)) {
    const { session, status, stage, chart, controls } = this.#parts;
    const { job } = session;
    if (!job) {
      this.#refresh();
      return;
    }
    status.show(job);
    if (message?.type === "state" && !session.mine) this.#showAsked(job);
    if (message?.type === "updated" && !session.mine) controls.values = job.params;
    if (!stage.painted) stage.expect(job.width, job.height);
    if (job.step > 0) chart.add(job.step, job.costs, job.total_steps);
    controls.mix.measured = job.report?.share ?? null;
    if (job.status === "completed") this.#showResult(job);
    this.#refresh();
  }

  // a guest, or its owner on another device, knows no more than the server says
  #showAsked(job) {
    const { slots, gallery, controls } = this.#parts;
    const ids = ({ contentImage, styleImages }) => [contentImage?.id, ...styleImages.map((image) => image.id)].join();
    if (job.content && job.styles) {
      const picture = (id) => gallery.find(id) ?? { id };
      const asked = { contentImage: picture(job.content), styleImages: job.styles.map(picture) };
      if (ids(slots) !== ids(asked)) {
        this.#restoring = true;
        this.#shownContent = job.content;
        slots.restore({ content: asked.contentImage, styles: asked.styleImages });
        this.#restoring = false;
      }
    }
    if (job.params) controls.values = job.params;
  }

  // frames are JPEG and may be reduced; the finished picture is shown as it is
  async #showResult(job) {
    if (this.#result === job.id) return;
    this.#result = job.id;
    try {
      const blob = await this.#api.blob(this.#api.resultUrl(job.id, "png"));
      if (this.#parts.session.job?.id === job.id) await this.#parts.stage.showResult(blob);
    } catch {
      // the last frame is on the canvas already
    }
    this.#refresh();
  }

  /** What can be pressed and seen now. */
  #refresh() {
    const { session, slots, gallery, controls, stage, tools, actions } = this.#parts;
    const { job } = session;
    const active = session.active || (job?.status === "unknown" && !this.#launching);
    const steering = active && session.mine;
    slots.locked = active || this.#launching;
    gallery.locked = active || this.#launching;
    controls.mode = steering ? "running" : active || this.#launching ? "watching" : "free";
    const ended = job !== null && ENDED.has(job.status);
    actions.show({
      active,
      mine: session.mine,
      launching: this.#launching,
      paused: job?.status === "paused",
      ended,
      ready: slots.missing === null,
    });
    const partial = ended && job.status !== "completed";
    const picture = ended && stage.painted && (!partial || job.step > 0);
    tools.show({
      compare: stage.canCompare,
      comparing: stage.comparing,
      reuse: picture,
      share: job !== null && job.status !== "unknown",
      downloads: picture ? (format) => this.#api.resultUrl(job.id, format, { partial }) : null,
    });
    showTitle(job);
  }

  #picturesChanged() {
    const { slots, gallery, controls, stage, session, status } = this.#parts;
    const image = slots.contentImage;
    if (!session.job) status.say("idle", "");
    if (!this.#restoring) controls.mix.measured = null;
    if (!session.active && stage.painted && this.#shownContent !== image?.id) this.#startAnew();
    this.#shownContent = image?.id ?? null;
    stage.setContent(image ? { url: this.#api.imageUrl(image.id, 1024), width: image.width, height: image.height } : null);
    controls.setStyles(slots.styleImages);
    gallery.mark(new Set([image?.id, ...slots.styleImages.map((style) => style.id)]));
    this.#keep();
    this.#refresh();
  }

  // another content picture: the old painting leaves the easel, its address stays in the history of the browser only
  #startAnew() {
    const { session, stage, chart, status } = this.#parts;
    session.close();
    stage.clearPainting();
    chart.clear();
    status.say("idle", "");
    showAddress(null);
  }

  #keep() {
    const { session } = this.#parts;
    if (this.#restoring) return;
    this.#memory.keepDraft(this.#inputs());
    if (session.active && session.mine) this.#memory.keepJob(session.job.id, { key: session.job.key, ...this.#inputs() });
  }

  async #reuse() {
    const { session, slots, tools, status } = this.#parts;
    const { job } = session;
    try {
      const blob = await this.#api.blob(this.#api.resultUrl(job.id, "png", { partial: job.status !== "completed" }));
      if (session.job?.id !== job.id) return;
      await slots.content.upload(new File([blob], "Painting.png", { type: "image/png" }));
    } catch (error) {
      status.say("error", "Not possible", error.message);
      tools.confirm("reuse", "Failed");
    }
  }

  #listen() {
    const { session, slots, gallery, controls, status, stage, tools, actions, connection } = this.#parts;
    actions.addEventListener("launch", () => this.#launch());
    actions.addEventListener("stop", () => session.cancel());
    actions.addEventListener("pause", () => session.pause());
    actions.addEventListener("resume", () => session.resume());
    this.#parts.choose.addEventListener("click", () => slots.content.choose());
    this.#parts.example.addEventListener("click", () => {
      const { content, style } = gallery.pictures;
      slots.restore({ content: content[0], styles: style.slice(0, 2) });
    });
    this.#parts.easel.addEventListener("drop", (event) => slots.takeContent(event));
    slots.addEventListener("change", () => this.#picturesChanged());
    gallery.addEventListener("pick", ({ detail }) => slots.pick(detail.kind, detail.image));
    controls.addEventListener("change", ({ detail }) => {
      if (controls.isLive(detail.name)) session.change(detail.name, controls.value(detail.name));
      this.#keep();
    });
    session.addEventListener("connection", ({ detail }) => connection.show(detail));
    session.addEventListener("hello", ({ detail }) => {
      connection.device = detail.device;
      this.#api.limits = { ...detail.limits, ...this.#api.limits };
      if (!this.#loaded) this.#load();
    });
    session.addEventListener("job", ({ detail }) => this.#onJob(detail.message));
    session.addEventListener("frame", ({ detail }) => stage.painter.push(detail));
    session.addEventListener("problem", ({ detail }) => status.say("error", "Not changed", detail.error.message));
    session.addEventListener("missing", ({ detail }) => this.#missing(detail.error));
    stage.addEventListener("frame-done", ({ detail }) => session.ack(detail.header));
    stage.addEventListener("drawn", () => this.#refresh());
    tools.addEventListener("compare", () => {
      stage.compare(!stage.comparing);
      if (stage.comparing) stage.focusCompare();
      this.#refresh();
    });
    tools.addEventListener("reuse", () => this.#reuse());
    tools.addEventListener("share", async () => {
      const done = await copy(this.#api.shareUrl(session.job.id));
      tools.confirm("share", done ? "Copied" : "Copy the address above");
    });
  }

  #missing(error) {
    const { status, stage } = this.#parts;
    stage.clearPainting();
    showAddress(null);
    const unknown = error.code === "not_found";
    if (unknown) status.say("error", "This painting is not here.", "The link is wrong, or it was deleted. Start a new one.");
    else status.say("error", "Not shown", error.message);
    this.#refresh();
  }
}

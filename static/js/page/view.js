// Brings the page in line with the job on view and with what is chosen.

import { showAddress, showTitle } from "../lib/address.js";
import { Emitter } from "../lib/emitter.js";
import { ACTIVE, ENDED } from "../net/protocol.js";
import { text } from "../lib/texts.js";
import { possibleTools } from "../panels/tools.js";

const CONTENT_PX = 1024;

/** Event `ended` {job} when the last picture of a finished job is shown. */
export class View extends Emitter {
  #api;
  #parts;
  #launcher;
  #restoring = false;
  /** @type {string | null} */
  #shownContent = null;
  /** @type {{job: string, blob: Blob} | null} */
  #result = null;

  constructor({ api, parts, launcher }) {
    super();
    this.#api = api;
    this.#parts = parts;
    this.#launcher = launcher;
  }

  /** Pictures and settings are being put back: nobody has changed them. */
  get restoring() {
    return this.#restoring;
  }

  /** Put remembered {content, styles, params} back, without the pictures where others are chosen already. */
  restore({ content = /** @type {any} */ (null), styles = [], params = {} }, { pictures = true } = {}) {
    this.#restoring = true;
    if (pictures) {
      this.#shownContent = content?.id ?? null;
      this.#parts.slots.restore({ content, styles });
    }
    this.#parts.controls.values = params;
    this.#restoring = false;
  }

  /** Remove what was shown of the last job. */
  clearEasel() {
    const { easel, chart, timelapse, recipe } = this.#parts;
    this.#result = null;
    timelapse.clear();
    recipe.hide();
    easel.clearPainting();
    chart.clear();
  }

  /** The job on view has changed, because of `message` if there is one. */
  jobChanged(message = /** @type {any} */ (null)) {
    const { session, status, easel, chart, controls } = this.#parts;
    const { job } = session;
    if (job) {
      status.show(job);
      if (message?.type === "state" && !session.mine) this.#showRequest(job);
      if (message?.type === "updated") this.#updated(message.params, job);
      if (!easel.painted) easel.expect(job.width, job.height);
      if (job.step > 0) chart.add(job.step, job.costs, job.total_steps);
      controls.mix.measured = job.report?.share ?? null;
      if (ENDED.has(job.status)) this.#ended(job);
    }
    this.refresh();
  }

  // changed here, in another tab, or by its owner elsewhere: all show the same, but no control is moved under a hand
  #updated(params, job) {
    const { session, controls, chart, actions } = this.#parts;
    controls.update(params ?? {}, session.pending);
    chart.mark(job.step);
    actions.showApplied();
  }

  // a watcher, or its owner on another device, knows no more than the server says
  #showRequest(job) {
    const { slots, gallery, controls } = this.#parts;
    if (job.content && job.styles) {
      const picture = (id) => gallery.find(id) ?? { id };
      const shown = [slots.contentImage?.id, ...slots.styleImages.map((image) => image.id)];
      if (shown.join() !== [job.content, ...job.styles].join()) {
        this.restore({ content: picture(job.content), styles: job.styles.map(picture), params: job.params ?? {} });
      }
    }
    if (job.params) controls.values = job.params;
  }

  async #ended(job) {
    const { session, easel, timelapse } = this.#parts;
    if (this.#result?.job === job.id) return;
    this.#result = { job: job.id, blob: new Blob() };
    const partial = job.status !== "completed";
    if (partial && !job.step) return;
    try {
      // frames are JPEG and may be reduced; the picture at the end is shown as it is
      const blob = await this.#api.blob(this.#api.resultUrl(job.id, "png", { partial }));
      if (session.job?.id !== job.id) return;
      this.#result = { job: job.id, blob };
      await easel.showPicture(blob);
    } catch {
      // the last frame is on the canvas already
    }
    if (session.job?.id !== job.id) return;
    if (easel.painted) this.emit("ended", { job });
    await timelapse.load(job.id);
    this.refresh();
  }

  /** Show the finished picture again, after others were on its easel. */
  async showResult() {
    if (this.#result?.blob.size) await this.#parts.easel.showPicture(this.#result.blob);
  }

  /** Show what can be pressed and seen now. */
  refresh() {
    const { session, slots, gallery, controls, actions } = this.#parts;
    const { job } = session;
    const launching = this.#launcher.busy;
    const active = session.active || (job?.status === "unknown" && !launching);
    slots.locked = gallery.locked = active || launching;
    controls.mode = active && session.steerable ? "running" : active || launching ? "watching" : "free";
    actions.show({
      active,
      mine: session.mine,
      steerable: session.steerable,
      launching,
      paused: job?.status === "paused",
      ended: job !== null && ENDED.has(job.status),
      ready: slots.missing === null,
    });
    this.#showTools(job);
    this.#showRecipe(job);
    showTitle(job);
  }

  #showTools(job) {
    const { session, easel, tools, timelapse } = this.#parts;
    const { painted, canCompare } = easel;
    const hasTimelapse = job !== null && timelapse.has(job.id);
    const { mine, steerable } = session;
    const can = possibleTools(job, { mine, steerable, painted, canCompare, hasTimelapse });
    const partial = job?.status !== "completed";
    if (job !== null) tools.explain("more", ACTIVE.has(job.status) ? text.more.active : text.more.ended);
    tools.show({
      can,
      pressed: new Set([easel.comparing && "compare", timelapse.shown && "timelapse"]),
      downloads: can.has("download") ? (format) => this.#api.resultUrl(job.id, format, { partial }) : null,
    });
  }

  #showRecipe(job) {
    const { recipe, slots, gallery } = this.#parts;
    if (!job || !ENDED.has(job.status) || !job.params || !job.content) {
      recipe.hide();
      return;
    }
    const known = new Map([slots.contentImage, ...slots.styleImages].filter(Boolean).map((image) => [image.id, image]));
    const picture = (id) => known.get(id) ?? gallery.find(id) ?? { id };
    recipe.show({
      content: picture(job.content),
      styles: job.styles.map(picture),
      params: job.params,
      share: job.report?.share ?? null,
      rows: this.#api.limits.params ?? [],
    });
  }

  /** Other pictures are chosen. */
  picturesChanged() {
    const { slots, gallery, controls, easel, session, status } = this.#parts;
    const image = slots.contentImage;
    if (!session.job) status.say("idle", "");
    if (!this.#restoring) controls.mix.measured = null;
    if (!session.active && easel.painted && this.#shownContent !== image?.id) this.startAnew();
    this.#shownContent = image?.id ?? null;
    easel.setContent(image && { url: this.#api.imageUrl(image.id, CONTENT_PX), width: image.width, height: image.height });
    controls.setStyles(slots.styleImages);
    controls.regions.setContent(image);
    gallery.mark(new Set([image?.id, ...slots.styleImages.map((style) => style.id)]));
    this.refresh();
  }

  /** The painting leaves the easel, its pictures and settings stay. */
  startAnew() {
    this.#parts.session.close();
    this.clearEasel();
    this.#parts.status.say("idle", "");
    showAddress(null);
    this.refresh();
  }

  /** The job of the address cannot be watched. */
  jobMissing(error) {
    const { status, easel } = this.#parts;
    easel.clearPainting();
    showAddress(null);
    if (error.code === "not_found") status.say("error", text.missing.head, text.missing.detail);
    else status.say("error", text.missing.other, error.message);
    this.refresh();
  }
}

// Brings the page in line with the job on view and with what is chosen.

import { showAddress, showTitle } from "../lib/address.js";
import { ACTIVE, ENDED } from "../net/protocol.js";
import { text } from "../lib/texts.js";

export class View extends EventTarget {
  #api;
  #parts;
  #launcher;
  #restoring = false;
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

  /** Put remembered {content, styles, params} back. */
  restore({ content = /** @type {any} */ (null), styles = [], params = {} }) {
    this.#restoring = true;
    this.#shownContent = content?.id ?? null;
    this.#parts.slots.restore({ content, styles });
    this.#parts.controls.values = params;
    this.#restoring = false;
  }

  /** A job was launched or opened: its easel is empty still. */
  begin() {
    const { stage, chart, timelapse, recipe } = this.#parts;
    this.#result = null;
    timelapse.clear();
    recipe.hide();
    stage.clearPainting();
    chart.clear();
  }

  /** The job on view is another value, because of `message` if there is one. */
  job(message = /** @type {any} */ (null)) {
    const { session, status, stage, chart, controls } = this.#parts;
    const { job } = session;
    if (!job) {
      this.refresh();
      return;
    }
    status.show(job);
    if (message?.type === "state" && !session.mine) this.#showAsked(job);
    if (message?.type === "updated") this.#updated(message.params, job);
    if (!stage.painted) stage.expect(job.width, job.height);
    if (job.step > 0) chart.add(job.step, job.costs, job.total_steps);
    controls.mix.measured = job.report?.share ?? null;
    if (ENDED.has(job.status)) this.#ended(job);
    this.refresh();
  }

  // changed here, in another tab, or by its owner elsewhere: all show the same, but nobody's hand is moved
  #updated(params, job) {
    const { session, controls, chart, actions } = this.#parts;
    controls.take(params ?? {}, session.pending);
    chart.mark(job.step);
    actions.tookUp();
  }

  // a guest, or its owner on another device, knows no more than the server says
  #showAsked(job) {
    const { slots, gallery, controls } = this.#parts;
    const ids = ({ contentImage, styleImages }) => [contentImage?.id, ...styleImages.map((image) => image.id)].join();
    if (job.content && job.styles) {
      const picture = (id) => gallery.find(id) ?? { id };
      const asked = { contentImage: picture(job.content), styleImages: job.styles.map(picture) };
      if (ids(slots) !== ids(asked)) {
        this.restore({ content: asked.contentImage, styles: asked.styleImages, params: job.params ?? {} });
      }
    }
    if (job.params) controls.values = job.params;
  }

  async #ended(job) {
    const { session, stage, timelapse } = this.#parts;
    if (this.#result?.job === job.id) return;
    this.#result = { job: job.id, blob: new Blob() };
    const partial = job.status !== "completed";
    if (partial && !job.step) return;
    try {
      // frames are JPEG and may be reduced; the picture at the end is shown as it is
      const blob = await this.#api.blob(this.#api.resultUrl(job.id, "png", { partial }));
      if (session.job?.id !== job.id) return;
      this.#result = { job: job.id, blob };
      await stage.showResult(blob);
    } catch {
      // the last frame is on the canvas already
    }
    if (session.job?.id !== job.id) return;
    if (stage.painted) this.dispatchEvent(new CustomEvent("ended", { detail: { job } }));
    await timelapse.load(job.id);
    this.refresh();
  }

  /** The finished picture again, after others were on its easel. */
  async showResult() {
    if (this.#result?.blob.size) await this.#parts.stage.showResult(this.#result.blob);
  }

  /** What can be pressed and seen now. */
  refresh() {
    const { session, slots, gallery, controls, actions } = this.#parts;
    const { job } = session;
    const launching = this.#launcher.busy;
    const active = session.active || (job?.status === "unknown" && !launching);
    slots.locked = active || launching;
    gallery.locked = active || launching;
    controls.mode = active && session.mine ? "running" : active || launching ? "watching" : "free";
    actions.show({
      active,
      mine: session.mine,
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
    const { session, stage, tools, timelapse } = this.#parts;
    const ended = job !== null && ENDED.has(job.status);
    const partial = ended && job.status !== "completed";
    const picture = ended && stage.painted && (!partial || job.step > 0);
    const active = job !== null && ACTIVE.has(job.status);
    const can = new Set();
    if (stage.canCompare) can.add("compare");
    if (picture) for (const act of ["reuse", "copy"]) can.add(act);
    if (picture && timelapse.has(job.id)) can.add("timelapse");
    if (job !== null && job.status !== "unknown") can.add("share");
    if (session.mine && (active || picture)) can.add("more");
    if (session.mine && active) can.add("new");
    if (session.mine && ended) can.add("delete");
    if (job !== null) tools.explain("more", active ? text.more.active : text.more.ended);
    const pressed = new Set([stage.comparing && "compare", timelapse.shown && "timelapse"]);
    tools.show({ can, pressed, downloads: picture ? (format) => this.#api.resultUrl(job.id, format, { partial }) : null });
  }

  #showRecipe(job) {
    const { recipe, slots } = this.#parts;
    if (!job || !ENDED.has(job.status) || !job.params || !job.content) {
      recipe.hide();
      return;
    }
    const known = new Map([slots.contentImage, ...slots.styleImages].filter(Boolean).map((image) => [image.id, image]));
    const picture = (id) => known.get(id) ?? this.#parts.gallery.find(id) ?? { id };
    recipe.show({
      content: picture(job.content),
      styles: job.styles.map(picture),
      params: job.params,
      share: job.report?.share ?? null,
      rows: this.#api.limits.params ?? [],
    });
  }

  /** Other pictures are chosen. */
  pictures() {
    const { slots, gallery, controls, stage, session, status } = this.#parts;
    const image = slots.contentImage;
    if (!session.job) status.say("idle", "");
    if (!this.#restoring) controls.mix.measured = null;
    if (!session.active && stage.painted && this.#shownContent !== image?.id) this.startAnew();
    this.#shownContent = image?.id ?? null;
    stage.setContent(image ? { url: this.#api.imageUrl(image.id, 1024), width: image.width, height: image.height } : null);
    controls.setStyles(slots.styleImages);
    controls.regions.setContent(image);
    gallery.mark(new Set([image?.id, ...slots.styleImages.map((style) => style.id)]));
    this.refresh();
  }

  /** The painting leaves the easel, its pictures and settings stay. */
  startAnew() {
    this.#parts.session.close();
    this.begin();
    this.#parts.status.say("idle", "");
    showAddress(null);
    this.refresh();
  }

  /** The job of the address cannot be watched. */
  missing(error) {
    const { status, stage } = this.#parts;
    stage.clearPainting();
    showAddress(null);
    if (error.code === "not_found") status.say("error", text.missing.head, text.missing.detail);
    else status.say("error", text.missing.other, error.message);
    this.refresh();
  }
}

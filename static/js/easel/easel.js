// The easel: the invitation, the content picture, the painting, enlarged or compared.

import { Compare } from "./compare.js";
import { Emitter } from "../lib/emitter.js";
import { FrameCanvas } from "./frames.js";
import { Zoom } from "./zoom.js";

/** Events: `drawn` {header} when a frame is on the canvas, `frame-done` {header} when a frame may be acknowledged. */
export class Easel extends Emitter {
  #frame;
  #before;
  #canvas;
  #frames;
  #compare;
  #zoom;
  #comparing = false;
  #painted = false;
  #preview;
  #previewTag;
  /** @type {{url: string, width: number, height: number} | null} */
  #content = null;

  constructor(element) {
    super();
    this.element = element;
    this.#frame = element.querySelector(".frame");
    this.#before = element.querySelector(".before");
    this.#canvas = element.querySelector(".painting");
    this.#preview = element.querySelector(".preview");
    this.#previewTag = element.querySelector(".preview-tag");
    const own = new Set([this.#frame, this.#before, this.#canvas, this.#preview, element.querySelector(".sheet")]);
    this.#zoom = new Zoom({
      frame: this.#frame,
      sheet: element.querySelector(".sheet"),
      bar: element.querySelector(".zoom"),
      surface: (target) => own.has(target),
    });
    this.#compare = new Compare({ frame: this.#frame, view: () => this.#zoom.view });
    this.#zoom.on("change", () => this.#compare.place());
    this.#frames = new FrameCanvas(this.#canvas);
    this.#frames.on("done", (frame) => this.#done(frame));
    this.#before.addEventListener("load", () => this.#measure());
  }

  /** How many device pixels of the painting can be seen at most. */
  get pixels() {
    const { clientWidth, clientHeight } = this.element;
    return Math.ceil(Math.max(clientWidth, clientHeight, 256) * Math.min(window.devicePixelRatio || 1, 3));
  }

  get painted() {
    return this.#painted;
  }

  get canCompare() {
    return this.#painted && this.#content !== null;
  }

  get comparing() {
    return this.#comparing;
  }

  /** The canvas with the painting, for copies of it. */
  get canvas() {
    return this.#canvas;
  }

  /** The content picture {url, width, height} or null; a size that is not known is that of the picture itself. */
  setContent(content) {
    if (content?.url !== this.#content?.url) this.clearPreview();
    this.#content = content;
    if (content) {
      this.#before.src = content.url;
      if (!this.#painted) this.expect(content.width, content.height);
    } else {
      this.#before.removeAttribute("src");
    }
    this.#show();
  }

  /** Remove the painting: the content picture is shown again. */
  clearPainting() {
    this.#frames.clear();
    this.#painted = false;
    this.#zoom.reset();
    this.compare(false);
    if (this.#content) this.expect(this.#content.width, this.#content.height);
    this.#show();
  }

  /** Keep room for a painting of this size before its first frame. */
  expect(width, height) {
    if (width > 0 && height > 0) this.#shape(width, height);
  }

  /** Show a live frame, see frames.js. */
  push(frame) {
    this.#frames.push(frame);
  }

  /** Show a picture that did not come as a frame: the finished one, or one of the time-lapse. */
  async showPicture(blob) {
    if (await this.#frames.show(blob)) this.#drawn();
  }

  /** Show what the painting may become, until its first frame takes the place. */
  showPreview(blob) {
    this.#forgetPreview();
    this.#preview.src = URL.createObjectURL(blob);
    this.#show();
  }

  clearPreview() {
    this.#forgetPreview();
    this.#show();
  }

  #forgetPreview() {
    if (this.#preview.src) URL.revokeObjectURL(this.#preview.src);
    this.#preview.removeAttribute("src");
  }

  compare(on) {
    this.#comparing = on && this.canCompare;
    this.#show();
  }

  /** Bring the easel into view, if the page was scrolled away from it. */
  reveal() {
    const box = this.element.getBoundingClientRect();
    if (box.top >= 0 && box.bottom <= window.innerHeight) return;
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.element.scrollIntoView({ block: "start", behavior: calm ? "auto" : "smooth" });
  }

  focusCompare() {
    this.#compare.focus();
  }

  #measure() {
    if (!this.#content || this.#content.width) return;
    Object.assign(this.#content, { width: this.#before.naturalWidth, height: this.#before.naturalHeight });
    if (!this.#painted) this.expect(this.#content.width, this.#content.height);
  }

  #done({ header, drawn }) {
    if (drawn) {
      this.#drawn();
      this.emit("drawn", { header });
    }
    this.emit("frame-done", { header });
  }

  #drawn() {
    this.#painted = true;
    this.#forgetPreview();
    this.#shape(this.#canvas.width, this.#canvas.height);
    this.#show();
  }

  #show() {
    const view = this.#painted ? "painting" : this.#content ? "content" : "empty";
    this.element.dataset.view = view;
    this.#canvas.hidden = !this.#painted;
    const preview = !this.#painted && this.#preview.hasAttribute("src");
    this.#preview.hidden = this.#previewTag.hidden = !preview;
    this.#before.hidden = !this.#content || (this.#painted && !this.#comparing);
    this.#compare.shown = this.#comparing;
    this.#zoom.shown = view !== "empty";
    this.#frame.tabIndex = view === "empty" ? -1 : 0;
  }

  #shape(width, height) {
    this.#frame.style.setProperty("--w", String(width));
    this.#frame.style.setProperty("--h", String(height));
  }
}

// Keeps an instant picture of what is chosen on the easel, as long as no job is on view.

import { text } from "../lib/texts.js";

// while a slider moves its values come faster than anybody sees
const SETTLE_MS = 40;
const LARGEST_PX = 640;
// of a style that is only looked at: it has to be there at once
const SMALL_PX = 320;
const LOOK_MS = 150;

export class Preview {
  #parts;
  #launcher;
  #timer = 0;
  #lookTimer = 0;
  /** @type {{id: string} | null} a style that the pointer rests on */
  #looked = null;
  #explained = false;

  constructor({ parts, launcher }) {
    this.#parts = parts;
    this.#launcher = launcher;
    const { previews, easel, link } = parts;
    previews.on("picture", ({ image, mime }) => {
      if (!this.#fitting && this.#looked === null) return;
      this.#explain(null);
      easel.showPreview(new Blob([image], { type: mime }));
    });
    previews.on("problem", ({ error }) => this.#explain(error));
    link.on("hello", () => this.changed());
  }

  /** Pictures or settings are other ones now. */
  changed() {
    if (this.#timer) return;
    this.#timer = window.setTimeout(() => {
      this.#timer = 0;
      this.#ask();
    }, SETTLE_MS);
  }

  /** Show a style before it is picked; null when the pointer has left it. */
  look(style) {
    clearTimeout(this.#lookTimer);
    if (style === null) {
      if (this.#looked === null) return;
      this.#looked = null;
      this.changed();
      return;
    }
    this.#lookTimer = window.setTimeout(() => {
      const { session, slots } = this.#parts;
      this.#looked = session.job === null && slots.contentImage !== null ? style : null;
      this.changed();
    }, LOOK_MS);
  }

  get #fitting() {
    const { session, slots } = this.#parts;
    return session.job === null && slots.missing === null && !slots.busy;
  }

  #ask() {
    const { previews, easel, session } = this.#parts;
    if (this.#looked !== null && session.job === null) {
      previews.want(this.#only(this.#looked));
      return;
    }
    if (!this.#fitting) {
      previews.forget();
      // the preview of a job that was launched stays until the first frame
      if (session.job === null) easel.clearPreview();
      return;
    }
    const { content, styles, params } = this.#launcher.inputs;
    const max_px = Math.min(easel.pixels, LARGEST_PX);
    previews.want({ content: content.id, styles: styles.map((image) => image.id), params, max_px });
  }

  #only(style) {
    const { content, params } = this.#launcher.inputs;
    const { style_weight, preserve_color, protect, transparency } = params;
    const alike = { style_weight, preserve_color, protect, transparency };
    return { content: content.id, styles: [style.id], params: alike, max_px: SMALL_PX };
  }

  // only what can be helped by another choice is worth a word before anything was launched
  #explain(error) {
    const { status, session } = this.#parts;
    if (error?.code === "bad_request" && error.field) {
      this.#explained = true;
      status.say("note", text.preview.not, error.message);
    } else if (this.#explained) {
      this.#explained = false;
      if (session.job === null) status.say("idle", "");
    }
  }
}

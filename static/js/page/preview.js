// Keeps an instant picture of what is chosen on the easel, as long as no job is on view.

import { text } from "../lib/texts.js";

// while a slider moves its values come faster than anybody sees
const SETTLE_MS = 40;
const LARGEST_PX = 640;

export class Preview {
  #parts;
  #launcher;
  #timer = 0;
  #explained = false;

  constructor({ parts, launcher }) {
    this.#parts = parts;
    this.#launcher = launcher;
    const { previews, easel, link } = parts;
    previews.on("picture", ({ image, mime }) => {
      if (!this.#fitting) return;
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

  get #fitting() {
    const { session, slots } = this.#parts;
    return session.job === null && slots.missing === null && !slots.busy;
  }

  #ask() {
    const { previews, easel, session } = this.#parts;
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

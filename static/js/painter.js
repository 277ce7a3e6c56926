// Draws live frames: decodes off the main thread, shows only the newest, acknowledges each one that is done with.

export class FramePainter extends EventTarget {
  #canvas;
  #context;
  /** @type {any} */
  #next = null;
  #busy = false;
  #generation = 0;

  constructor(canvas) {
    super();
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false });
  }

  /** Show this frame unless a newer one comes before it is decoded. Emits `done` {header, drawn} exactly once per frame. */
  push(frame) {
    if (this.#next) this.#done(this.#next.header, false);
    this.#next = frame;
    if (!this.#busy) this.#pump();
  }

  /** Forget everything; frames that are still being decoded will not be drawn. */
  clear() {
    this.#generation += 1;
    this.#next = null;
    this.#canvas.width = 1;
    this.#canvas.height = 1;
  }

  async #pump() {
    this.#busy = true;
    while (this.#next) {
      const generation = this.#generation;
      const { header, image } = this.#next;
      this.#next = null;
      let bitmap;
      try {
        bitmap = await createImageBitmap(new Blob([image], { type: header.mime }));
      } catch {
        this.#done(header, false);
        continue;
      }
      if (generation === this.#generation) {
        this.#draw(bitmap);
        this.#done(header, true);
      }
      bitmap.close();
    }
    this.#busy = false;
  }

  /** Draw a picture that did not come as a frame (the finished result). */
  async show(blob) {
    const generation = this.#generation;
    const bitmap = await createImageBitmap(blob);
    const current = generation === this.#generation;
    if (current) this.#draw(bitmap);
    bitmap.close();
    return current;
  }

  #draw(bitmap) {
    if (this.#canvas.width !== bitmap.width || this.#canvas.height !== bitmap.height) {
      this.#canvas.width = bitmap.width;
      this.#canvas.height = bitmap.height;
    }
    this.#context.drawImage(bitmap, 0, 0);
  }

  #done(header, drawn) {
    this.dispatchEvent(new CustomEvent("done", { detail: { header, drawn } }));
  }
}

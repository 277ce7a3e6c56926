// Draws live frames: decodes off the main thread, draws in an animation frame, keeps only the newest, acknowledges each one
// that is done with. A hidden tab has no animation frames: nothing is drawn or acknowledged there, so the server stops sending.

import { Emitter } from "../lib/emitter.js";

export class FrameCanvas extends Emitter {
  #canvas;
  #context;
  /** @type {{header: any, image: Uint8Array<ArrayBuffer>} | null} */
  #next = null;
  #busy = false;
  #generation = 0;
  #still = false;

  constructor(canvas) {
    super();
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
  }

  /**
   * Show this frame {header, image} unless a newer one comes before it is decoded, or `show` has drawn the end. Emits `done` {header, drawn}
   * once per frame, but not for those that `clear` dropped.
   */
  push(frame) {
    if (this.#next) this.#finish(this.#next.header, false);
    this.#next = frame;
    if (!this.#busy) this.#pump();
  }

  /** Empty the canvas; frames that are still being decoded will not be drawn. */
  clear() {
    this.#generation += 1;
    this.#still = false;
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
        this.#finish(header, false);
        continue;
      }
      await animationFrame();
      if (generation === this.#generation) {
        if (!this.#still) this.#draw(bitmap);
        this.#finish(header, !this.#still);
      }
      bitmap.close();
    }
    this.#busy = false;
  }

  /** Draw a picture that did not come as a frame (the finished result); no frame is drawn over it, until `clear`. */
  async show(blob) {
    const generation = this.#generation;
    const bitmap = await createImageBitmap(blob);
    const current = generation === this.#generation;
    if (current) {
      this.#still = true;
      this.#draw(bitmap);
    }
    bitmap.close();
    return current;
  }

  /** Draw a picture that is decoded already: an image, a bitmap or a video frame of `width` x `height` px. */
  put(picture, width, height) {
    this.#resize(width, height);
    // where a picture is transparent nothing of the one before shows
    this.#context.globalCompositeOperation = "copy";
    this.#context.drawImage(picture, 0, 0);
  }

  #draw(bitmap) {
    this.put(bitmap, bitmap.width, bitmap.height);
  }

  #resize(width, height) {
    // setting the size, even to the same, clears the canvas
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
    }
  }

  #finish(header, drawn) {
    this.emit("done", { header, drawn });
  }
}

function animationFrame() {
  return new Promise((resolve) => requestAnimationFrame(resolve));
}

// From the chosen pictures and settings to a job.

import { showAddress } from "../lib/address.js";
import { Emitter } from "../lib/emitter.js";
import { text } from "../lib/texts.js";

const words = text.launch;

/** Events: `busy` when a launch begins or stops to wait for its answer, `launched` {job}. */
export class Launcher extends Emitter {
  #parts;
  #memory;
  #busy = false;
  #waiting = false;

  constructor({ parts, memory }) {
    super();
    this.#parts = parts;
    this.#memory = memory;
  }

  /** A launch was sent and is not answered yet. */
  get busy() {
    return this.#busy;
  }

  /** What would be launched now: {content, styles, params}. */
  get inputs() {
    const { slots, controls } = this.#parts;
    const kept = ({ id, width, height, title }) => ({ id, width, height, title });
    return {
      content: slots.contentImage && kept(slots.contentImage),
      styles: slots.styleImages.map(kept),
      params: controls.values,
    };
  }

  async launch() {
    const { session, slots, controls, status } = this.#parts;
    if (this.#busy || this.#waiting || session.active) return;
    if (slots.busy && !(await this.#uploaded())) return;
    if (!this.#complete()) return;
    this.#busy = true;
    // the end of the last painting must not be taken for that of this one
    status.say("launching", words.starting);
    try {
      await controls.regions.uploaded();
      const inputs = this.inputs;
      this.#setBusy(true);
      const job = await session.submit({
        content: inputs.content.id,
        styles: inputs.styles.map((image) => image.id),
        params: inputs.params,
      });
      this.#memory.keepJob(job.id, { key: job.key, ...inputs, status: job.status });
      showAddress(job.id);
      this.#setBusy(false);
      this.emit("launched", { job });
      // what was painted while the answer was on its way
      const masks = controls.value("masks");
      if (String(masks) !== String(inputs.params.masks ?? null)) session.change("masks", masks);
    } catch (error) {
      this.#setBusy(false);
      status.say("error", words.refused, error.message);
      controls.find(error.field)?.focus();
    }
  }

  // what was chosen before the press belongs to it; a slot itself says why its picture did not come
  async #uploaded() {
    const { session, slots, status } = this.#parts;
    status.say("note", words.moment, words.uploading);
    this.#waiting = true;
    const complete = await slots.uploaded();
    this.#waiting = false;
    if (!session.active) status.say("idle", "");
    return complete && !session.active;
  }

  #complete() {
    const { slots, controls, status } = this.#parts;
    const missing = slots.missing;
    if (missing) {
      status.say("note", missing === slots.content ? words.noContent : words.noStyle);
      missing.focus();
      return false;
    }
    controls.invalid?.report();
    return !controls.invalid;
  }

  #setBusy(busy) {
    this.#busy = busy;
    this.emit("busy");
  }
}

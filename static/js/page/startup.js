// The first requests of the page: what the server offers, the connection to it, and its token when it requires one.

import { text } from "../lib/texts.js";

export class Startup {
  #api;
  #memory;
  #parts;
  #loading = /** @type {Promise<void> | null} */ (null);
  #refused = false;
  #asking = false;

  constructor({ api, memory, parts }) {
    this.#api = api;
    this.#memory = memory;
    this.#parts = parts;
    const { link } = parts;
    link.on("hello", ({ limits }) => {
      api.limits = { ...limits, ...api.limits };
      this.#load().catch(() => {});
    });
    link.on("problem", ({ error }) => {
      if (error.code === "unauthorized" && !this.#refused) this.#ask();
    });
  }

  /** Load limits and gallery and connect; false when the server wants a token that nobody gives. */
  async run() {
    const loading = this.#load();
    this.#parts.link.connect();
    try {
      await loading;
    } catch (error) {
      if (error.code === "unauthorized") await this.#ask();
    }
    return !this.#refused;
  }

  // only what failed is tried again: a second description would undo the settings that were restored meanwhile
  #load() {
    this.#loading ??= this.#fetch().catch((error) => {
      this.#loading = null;
      throw error;
    });
    return this.#loading;
  }

  async #fetch() {
    const { gallery, controls, exampleButton } = this.#parts;
    // both at once: between them somebody could change a setting, and what is restored would undo it
    const [limits, pictures] = await Promise.allSettled([this.#api.json("api/limits"), this.#api.json("api/gallery")]);
    if (limits.status === "rejected") throw limits.reason;
    this.#api.limits = limits.value;
    controls.describe(limits.value);
    if (pictures.status === "rejected") throw pictures.reason;
    gallery.show(pictures.value);
    exampleButton.hidden = gallery.sample === null;
  }

  async #ask() {
    if (this.#asking) return;
    this.#asking = true;
    await this.#untilAccepted();
    this.#asking = false;
  }

  async #untilAccepted() {
    const { token, link, status } = this.#parts;
    let again = Boolean(this.#memory.token);
    for (;;) {
      const given = await token.ask({ again });
      if (!given) {
        this.#refused = true;
        status.say("error", text.token.head, text.token.detail);
        return;
      }
      this.#api.token = given;
      try {
        await this.#load();
      } catch (error) {
        again = error.code === "unauthorized";
        if (again) continue;
      }
      this.#memory.token = given;
      link.retryNow();
      return;
    }
  }
}

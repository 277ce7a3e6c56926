// The small mark that shows whether the server can be reached.

import { make } from "../lib/elements.js";
import { text } from "../lib/texts.js";

const words = text.connection;

export class Connection {
  #element;
  #notice;
  #text;
  #timer = 0;
  #device = "";

  /** `notice` is a paragraph for what needs a sentence or more. */
  constructor(element, notice) {
    this.#element = element;
    this.#notice = notice;
    this.#text = element.querySelector(".link-text");
  }

  set device(name) {
    // while the model loads, the server does not know yet where it will compute
    this.#device = name && name !== "loading" ? name : "";
  }

  /** Say what is in the way of a connection; empty when nothing is. */
  explain(sentences) {
    this.#notice.hidden = !sentences;
    // a live region that is written again would be read again
    if (this.#notice.textContent !== sentences) this.#notice.textContent = sentences;
  }

  /** state: connecting, open, polling, or waiting with the seconds until the next try. */
  show({ state, retry_s: retryS }) {
    clearInterval(this.#timer);
    this.#element.dataset.state = state;
    if (state === "open" || state === "polling") this.explain(state === "open" ? "" : words.blocked);
    if (state === "polling") {
      this.#text.textContent = words.polling;
    } else if (state === "open") {
      const device = make("span", { className: "link-device" }, this.#device && `, ${this.#device}`);
      this.#text.replaceChildren(words.open, device);
    } else if (state === "connecting") {
      this.#text.textContent = words.connecting;
    } else {
      this.#count(performance.now() + 1000 * retryS);
    }
  }

  #count(until) {
    const showLeft = () => {
      const left = Math.max(0, Math.ceil((until - performance.now()) / 1000));
      this.#text.textContent = left > 0 ? words.waiting(left) : words.trying;
    };
    showLeft();
    this.#timer = setInterval(showLeft, 1000);
  }
}

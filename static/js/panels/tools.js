// What can be done with the picture, as a row of buttons.

import { Emitter } from "../lib/emitter.js";
import { canCopyPictures } from "../lib/clipboard.js";

/** Events: the `data-act` of the button that was pressed. */
export class Tools extends Emitter {
  /** @type {Record<string, HTMLButtonElement>} */
  #buttons = {};
  #links;
  #downloads;

  constructor(element) {
    super();
    for (const button of element.querySelectorAll("[data-act]")) {
      this.#buttons[button.dataset.act] = button;
      button.addEventListener("click", () => this.emit(button.dataset.act));
    }
    this.#downloads = element.querySelector(".downloads");
    this.#links = [...element.querySelectorAll("[data-format]")];
  }

  /**
   * Show what is possible now: `can` names the acts, `pressed` those that are on, `downloads` is a function from format to
   * address, or null.
   */
  show({ can, pressed, downloads }) {
    for (const [act, button] of Object.entries(this.#buttons)) {
      button.hidden = !can.has(act) || (act === "copy" && !canCopyPictures());
      if (button.hasAttribute("aria-pressed")) button.setAttribute("aria-pressed", String(pressed.has(act)));
    }
    this.#downloads.hidden = !downloads;
    for (const link of this.#links) {
      if (downloads) {
        link.href = downloads(link.dataset.format);
        link.download = `duostyle.${link.dataset.format}`;
      } else {
        link.removeAttribute("href");
      }
    }
  }

  /** Say on a button what exactly it would do. */
  explain(act, text) {
    this.#buttons[act].title = text;
  }

  /** A short answer on the button itself. */
  confirm(act, text) {
    const button = this.#buttons[act];
    const label = button.dataset.label ?? button.textContent ?? "";
    button.dataset.label = label;
    button.textContent = text;
    setTimeout(() => {
      button.textContent = label;
    }, 1800);
  }
}

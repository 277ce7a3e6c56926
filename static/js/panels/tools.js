// What can be done with the picture, as a row of buttons.

import { Emitter } from "../lib/emitter.js";
import { canCopyPictures } from "../lib/clipboard.js";
import { ACTIVE, ENDED } from "../net/protocol.js";

/**
 * What can be done with the job on view: names of tools. Pure.
 * @param {any} job as in job.js, or null
 * @param {{mine: boolean, steerable: boolean, painted: boolean, canCompare: boolean, hasTimelapse: boolean}} now `painted`: a picture is shown
 */
export function possibleTools(job, { mine, steerable, painted, canCompare, hasTimelapse }) {
  const active = job !== null && ACTIVE.has(job.status);
  const ended = job !== null && ENDED.has(job.status);
  const picture = ended && painted && (job.status === "completed" || job.step > 0);
  const conditions = {
    compare: canCompare,
    timelapse: picture && hasTimelapse,
    more: mine && (active ? steerable : picture),
    new: mine && active,
    reuse: picture,
    copy: picture,
    download: picture,
    share: job !== null && job.status !== "unknown",
    delete: mine && ended,
  };
  return new Set(Object.keys(conditions).filter((name) => conditions[name]));
}

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

// Launch, pause and stop: the buttons, their keys, and the line that says what is possible.

import { Emitter } from "../lib/emitter.js";
import { text } from "../lib/texts.js";

const NOTICE_MS = 4000;
const words = text.actions;

/** Events `launch`, `pause`, `resume`, `cancel`. */
export class Actions extends Emitter {
  #launch;
  #pause;
  #stop;
  #hint;
  #steering = false;
  #notice = 0;

  constructor(form) {
    super();
    this.#launch = form.querySelector("#launch");
    this.#pause = form.querySelector("#pause");
    this.#stop = form.querySelector("#stop");
    this.#hint = form.querySelector("#hint");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.emit("launch");
    });
    this.#pause.addEventListener("click", () => this.emit(this.#pause.dataset.act));
    this.#stop.addEventListener("click", () => this.emit("cancel"));
    document.addEventListener("keydown", (event) => this.#key(event));
  }

  /**
   * active: a job waits, runs or is paused; mine: we have its key; steerable: it can be changed; launching: its answer is
   * awaited; ready: all chosen.
   */
  show({ active, mine, steerable, launching, paused, ended, ready }) {
    const held = /** @type {HTMLElement | null} */ (document.activeElement);
    this.#steering = active && mine;
    this.#launch.hidden = active;
    // not `disabled`: that would take the focus away
    this.#launch.setAttribute("aria-disabled", String(launching));
    this.#launch.textContent = launching ? words.starting : ended ? words.again : words.launch;
    this.#stop.hidden = !this.#steering;
    this.#pause.hidden = !this.#steering || !steerable;
    this.#pause.textContent = paused ? words.resume : words.pause;
    this.#pause.dataset.act = paused ? "resume" : "pause";
    if (!this.#steering) this.#notice = 0;
    this.#hint.textContent = this.#notice ? words.applied : hint(active, mine, steerable, ready);
    // the focus of a button that is hidden now goes to its successor, not to the top of the page
    if (held === this.#launch && this.#launch.hidden && this.#steering) (steerable ? this.#pause : this.#stop).focus();
    else if (held?.hidden && (held === this.#stop || held === this.#pause)) this.#launch.focus();
  }

  /** Say for a moment that a change was applied to the painting. */
  showApplied() {
    clearTimeout(this.#notice);
    this.#hint.textContent = words.applied;
    this.#notice = window.setTimeout(() => {
      this.#notice = 0;
      if (this.#steering) this.#hint.textContent = words.live;
    }, NOTICE_MS);
  }

  #key(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.emit("launch");
    } else if (event.key === "Escape" && this.#steering) {
      this.emit("cancel");
    }
  }
}

function hint(active, mine, steerable, ready) {
  if (active && !mine) return words.watching;
  if (active && !steerable) return words.polling;
  if (active) return words.live;
  if (!ready) return "";
  return /Mac|iP(hone|ad)/.test(navigator.platform) ? words.keysMac : words.keys;
}

// Launch, pause and stop: the buttons, their keys, and the line that says what is possible.

import { text } from "../lib/texts.js";

const TOLD_MS = 4000;
const words = text.actions;

/** Events `launch`, `pause`, `resume`, `stop`. */
export class Actions extends EventTarget {
  #launch;
  #pause;
  #stop;
  #hint;
  #steering = false;
  #told = 0;

  constructor(form) {
    super();
    this.#launch = form.querySelector("#launch");
    this.#pause = form.querySelector("#pause");
    this.#stop = form.querySelector("#stop");
    this.#hint = form.querySelector("#hint");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#tell("launch");
    });
    this.#pause.addEventListener("click", () => this.#tell(this.#pause.dataset.act));
    this.#stop.addEventListener("click", () => this.#tell("stop"));
    document.addEventListener("keydown", (event) => this.#key(event));
  }

  /** active: a job waits, runs or is paused; mine: we have its key; launching: its answer is awaited; ready: all chosen. */
  show({ active, mine, launching, paused, ended, ready }) {
    const held = /** @type {HTMLElement | null} */ (document.activeElement);
    this.#steering = active && mine;
    this.#launch.hidden = active;
    // not `disabled`: that would take the focus away from who pressed it
    this.#launch.setAttribute("aria-disabled", String(launching));
    this.#launch.textContent = launching ? words.starting : ended ? words.again : words.launch;
    this.#pause.hidden = this.#stop.hidden = !this.#steering;
    this.#pause.textContent = paused ? words.resume : words.pause;
    this.#pause.dataset.act = paused ? "resume" : "pause";
    if (!this.#steering) this.#told = 0;
    this.#hint.textContent = this.#told ? words.tookUp : hint(active, mine, ready);
    // who pressed a button that is gone now goes on at its successor, not at the top of the page
    if (held === this.#launch && this.#launch.hidden && this.#steering) this.#pause.focus();
    else if (held?.hidden && (held === this.#stop || held === this.#pause)) this.#launch.focus();
  }

  /** Say for a moment that a change has reached the painting. */
  tookUp() {
    clearTimeout(this.#told);
    this.#hint.textContent = words.tookUp;
    this.#told = window.setTimeout(() => {
      this.#told = 0;
      if (this.#steering) this.#hint.textContent = words.live;
    }, TOLD_MS);
  }

  #key(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.#tell("launch");
    } else if (event.key === "Escape" && this.#steering) {
      this.#tell("stop");
    }
  }

  #tell(type) {
    this.dispatchEvent(new CustomEvent(type));
  }
}

function hint(active, mine, ready) {
  if (active && !mine) return words.watching;
  if (active) return words.live;
  if (!ready) return "";
  return /Mac|iP(hone|ad)/.test(navigator.platform) ? words.keysMac : words.keys;
}

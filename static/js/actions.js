// Launch, pause and stop: the buttons, their keys, and the line that says what is possible.

/** Events `launch`, `pause`, `resume`, `stop`. */
export class Actions extends EventTarget {
  #launch;
  #pause;
  #stop;
  #hint;
  #steering = false;

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
    this.#launch.disabled = launching;
    this.#launch.textContent = launching ? "Starting" : ended ? "Launch again" : "Launch";
    this.#pause.hidden = this.#stop.hidden = !this.#steering;
    this.#pause.textContent = paused ? "Resume" : "Pause";
    this.#pause.dataset.act = paused ? "resume" : "pause";
    this.#hint.textContent = hint(active, mine, ready);
    // who pressed a button that is gone now goes on at its successor, not at the top of the page
    if (held === this.#launch && this.#launch.hidden && this.#steering) this.#pause.focus();
    else if (held?.hidden && (held === this.#stop || held === this.#pause)) this.#launch.focus();
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
  if (active && !mine) return "You are watching a shared painting. Only who started it can steer it.";
  if (active) return "Settings in full colour can be changed while it paints.";
  if (!ready) return "";
  return /Mac|iP(hone|ad)/.test(navigator.platform) ? "⌘ Return launches, Esc stops" : "Ctrl + Enter launches, Esc stops";
}

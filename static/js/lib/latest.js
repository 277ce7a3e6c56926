// Runs a slow task again and again, never twice at once; requests that come meanwhile become one, the newest wins.

export class Latest {
  #task;
  /** @type {Promise<void> | null} */
  #running = null;
  #again = false;

  /** @param {() => Promise<void>} task must not throw */
  constructor(task) {
    this.#task = task;
  }

  /** Do the task, now or right after the one that runs. Resolves when nothing is left to do. */
  run() {
    this.#again = true;
    this.#running ??= this.#work();
    return this.#running;
  }

  get busy() {
    return this.#running !== null;
  }

  /** Resolves when nothing is left to do. */
  async idle() {
    await this.#running;
  }

  async #work() {
    while (this.#again) {
      this.#again = false;
      await this.#task();
    }
    this.#running = null;
  }
}

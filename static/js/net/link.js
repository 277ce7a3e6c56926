// The page's connection: a WebSocket, or asking over HTTP where none gets through; and what is in the way when neither works.

import { Emitter } from "../lib/emitter.js";
import { Polling } from "./polling.js";
import { LiveSocket } from "./socket.js";

// a socket that is not open after two of these, though the server answers, is held back by something
const LOOK_MS = 3000;

/**
 * Events: `status` {state: connecting|open|polling|waiting, retry_s?}, `hello`, `message`, `frame` {header, image},
 * `problem` {error} with what the server, or a proxy, has against the page.
 */
export class Link extends Emitter {
  #api;
  #live;
  #polling;
  #timer = 0;
  #answered = 0;
  #blocked = false;

  constructor(api, { live = new LiveSocket(() => api.socketUrl), polling = new Polling(api) } = {}) {
    super();
    this.#api = api;
    this.#live = live;
    this.#polling = polling;
    for (const part of [live, polling]) {
      for (const type of ["message", "frame"]) part.on(type, (detail) => this.emit(type, detail));
    }
    live.on("status", (status) => this.#liveIs(status));
    live.on("hello", (message) => {
      // what was asked for is asked for again by whoever hears this
      this.#polling.close();
      this.emit("hello", message);
    });
    polling.on("hello", (message) => this.emit("hello", message));
    polling.on("lost", ({ error }) => this.#lost(error));
  }

  get isOpen() {
    return this.#live.isOpen || this.#polling.isOpen;
  }

  /** Whether jobs are asked for: then they can be launched and stopped, but not changed. */
  get isPolling() {
    return !this.#live.isOpen && this.#polling.isOpen;
  }

  connect() {
    this.#live.connect();
    this.#lookLater();
  }

  retryNow() {
    this.#live.retryNow();
  }

  send(message) {
    return this.#open.send(message);
  }

  nextRef() {
    return this.#live.nextRef();
  }

  request(message) {
    return this.#open.request(message);
  }

  get #open() {
    return this.isPolling ? this.#polling : this.#live;
  }

  #liveIs(status) {
    if (status.state === "open") {
      this.#stopLooking();
      this.#answered = 0;
      this.#blocked = false;
    } else if (this.#polling.isOpen) {
      return; // it goes on trying; meanwhile the page works
    }
    this.emit("status", status);
    if (status.state !== "waiting") return;
    this.#look();
    if (!this.#timer) this.#lookLater();
  }

  #stopLooking() {
    clearTimeout(this.#timer);
    this.#timer = 0;
  }

  #lookLater() {
    this.#stopLooking();
    this.#timer = window.setTimeout(async () => {
      this.#timer = 0;
      await this.#look({ due: true });
      if (!this.isOpen && !this.#timer) this.#lookLater();
    }, LOOK_MS);
  }

  /** See what the server says over HTTP; `due`: a socket has had its time to open. */
  async #look({ due = false } = {}) {
    const { token } = this.#api;
    const error = await this.#probe();
    // another answer may have come while this one was on its way
    if (this.isOpen || token !== this.#api.token) return;
    if (error) this.#explain(error);
    else if (due) this.#reached();
  }

  async #probe() {
    try {
      await this.#api.probe();
      return null;
    } catch (error) {
      return error;
    }
  }

  #reached() {
    this.#answered += 1;
    if (this.#answered < 2 && !this.#blocked) {
      this.#live.retryNow();
      return;
    }
    this.#blocked = true;
    this.#polling.open();
    this.emit("status", { state: "polling" });
  }

  #explain(error) {
    this.#answered = 0;
    // that it cannot be reached is said already
    if (error.code !== "unreachable") this.emit("problem", { error });
  }

  #lost(error) {
    this.emit("status", { state: "waiting", retry_s: LOOK_MS / 1000 });
    this.#explain(error);
    this.#lookLater();
  }
}

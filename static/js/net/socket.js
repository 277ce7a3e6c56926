// One WebSocket that reconnects by itself: growing delay with jitter, heartbeat, answers matched by reference.

import { ApiError } from "./problems.js";
import { Emitter } from "../lib/emitter.js";
import { SUBPROTOCOL, parseFrame, parseMessage, retryDelay } from "./protocol.js";
import { text } from "../lib/texts.js";

const OPENING_MS = 20000;
const ANSWERS = new Set(["accepted", "ok", "error", "pong"]);

/**
 * Events: `status` {state: connecting|open|waiting, retry_s?}, `hello`, `message`, `frame` {header, image}.
 */
export class LiveSocket extends Emitter {
  #url;
  /** @type {WebSocket | null} */
  #socket = null;
  #attempt = 0;
  #timer = 0;
  #heartbeat = 0;
  #opening = 0;
  #lastMessageMs = 0;
  #lastPingMs = 0;
  #heartbeatMs = 20000;
  /** @type {number | null} */
  #restartS = null;
  #refs = 0;
  #waiting = new Map();
  #open = false;

  /** `url` is a function: the token in it may be known only later. */
  constructor(url) {
    super();
    this.#url = url;
    window.addEventListener("online", () => this.retryNow());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.retryNow();
    });
  }

  get isOpen() {
    return this.#open;
  }

  connect() {
    clearTimeout(this.#timer);
    this.emit("status", { state: "connecting" });
    const socket = new WebSocket(this.#url(), SUBPROTOCOL);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    // what holds the upgrade back may hold it for ever
    clearTimeout(this.#opening);
    this.#opening = setTimeout(() => this.#drop(), OPENING_MS);
    socket.addEventListener("message", (event) => this.#receive(socket, event.data));
    socket.addEventListener("close", () => this.#closed(socket));
  }

  /** Send a message; false when there is no open connection. */
  send(message) {
    if (!this.#open || this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  nextRef() {
    this.#refs += 1;
    return `page-${this.#refs}`;
  }

  /** Send a message and wait for its answer; rejects with ApiError on `error` or when the connection is lost. */
  request(message) {
    const ref = this.nextRef();
    return new Promise((resolve, reject) => {
      if (!this.send({ ...message, ref })) {
        reject(new ApiError({ code: "unreachable", message: text.problems.offline }));
        return;
      }
      this.#waiting.set(ref, { resolve, reject });
    });
  }

  #receive(socket, data) {
    if (socket !== this.#socket) return;
    this.#lastMessageMs = performance.now();
    if (typeof data !== "string") {
      try {
        this.emit("frame", parseFrame(data));
      } catch {
        // a frame that cannot be read is dropped; the next one replaces it
      }
      return;
    }
    const message = parseMessage(data);
    if (!message) return;
    if (message.type === "hello") this.#opened(message);
    if (message.type === "shutdown") this.#restartS = Number(message.retry_s) || 1;
    const waiting = ANSWERS.has(message.type) ? this.#waiting.get(message.ref) : undefined;
    if (waiting) {
      this.#waiting.delete(message.ref);
      if (message.type === "error") waiting.reject(new ApiError(message));
      else waiting.resolve(message);
    }
    this.emit("message", message);
  }

  #opened(message) {
    this.#open = true;
    clearTimeout(this.#opening);
    this.#attempt = 0;
    this.#restartS = null;
    this.#heartbeatMs = 1000 * (Number(message.heartbeat_s) || 20);
    clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(() => this.#beat(), Math.max(250, this.#heartbeatMs / 4));
    this.#lastPingMs = 0;
    this.emit("hello", message);
    this.emit("status", { state: "open" });
  }

  #beat() {
    const now = performance.now();
    const silence = now - this.#lastMessageMs;
    if (silence < 2 * this.#heartbeatMs) {
      this.#lastPingMs = 0;
    } else if (!this.#lastPingMs) {
      this.#lastPingMs = now;
      this.send({ type: "ping", ref: this.nextRef() });
    } else if (now - this.#lastPingMs > this.#heartbeatMs) {
      this.#drop();
    }
  }

  // a dead connection may take minutes to fire `close`, so that is not waited for
  #drop() {
    const socket = this.#socket;
    this.#closed(socket);
    socket?.close();
  }

  #closed(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#open = false;
    clearTimeout(this.#opening);
    clearInterval(this.#heartbeat);
    for (const { reject } of this.#waiting.values()) {
      reject(new ApiError({ code: "unreachable", message: text.problems.cutOff }));
    }
    this.#waiting.clear();
    const jitter = 1 + 0.5 * Math.random();
    const wait = this.#restartS !== null ? this.#restartS * jitter : retryDelay(this.#attempt);
    this.#restartS = null;
    this.#attempt += 1;
    this.emit("status", { state: "waiting", retry_s: wait });
    this.#timer = setTimeout(() => this.connect(), wait * 1000);
  }

  /** Connect now instead of waiting for the next try. */
  retryNow() {
    if (this.#socket === null && this.#timer) this.connect();
  }
}

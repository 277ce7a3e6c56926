// As much of a browser as the page's scripts need in node: elements, storage, address, a WebSocket that the test speaks for.

/** An element that keeps what is set on it; `parts` are what its querySelector finds. */
export class FakeElement extends EventTarget {
  hidden = false;
  disabled = false;
  textContent = "";
  dataset = {};
  properties = {};
  attributes = {};
  classes = new Set();
  style = { setProperty: (name, value) => (this.properties[name] = value) };
  classList = { toggle: (name, on) => this.classes[on ? "add" : "delete"](name) };

  constructor(fields = {}, parts = {}) {
    super();
    Object.assign(this, fields);
    this.parts = parts;
  }

  querySelector(selector) { return this.parts[selector] ?? null; }
  querySelectorAll(selector) { return this.parts[selector] ?? []; }
  setAttribute(name, value) { this.attributes[name] = value; }
  getAttribute(name) { return this.attributes[name] ?? null; }
  closest() { return null; }
  focus() { document.activeElement = this; }
  checkValidity() { return this.valid ?? true; }

  /** Do as a person would: press, or type a value. */
  press() { this.dispatchEvent(new Event("click")); }
  enter(value) {
    this.value = value;
    this.dispatchEvent(new Event("input"));
  }
}

export class FakeStorage extends Map {
  get length() { return this.size; }
  key(index) { return [...this.keys()][index] ?? null; }
  getItem(name) { return this.get(name) ?? null; }
  setItem(name, value) { this.set(name, value); }
  removeItem(name) { this.delete(name); }
}

/** The server's side of the connections that the page opens; `all` has every one, the newest last. */
export class FakeWebSocket extends EventTarget {
  static OPEN = 1;
  static all = [];
  readyState = 1;
  sent = [];

  constructor(url) {
    super();
    this.url = url;
    FakeWebSocket.all.push(this);
  }

  send(text) { this.sent.push(JSON.parse(text)); }
  close() {
    this.readyState = 3;
    this.dispatchEvent(new Event("close"));
  }

  say(message) { this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(message) })); }
}

/** Put window, document, location, history, navigator and WebSocket in place, new ones for each test. */
export function installBrowser() {
  const define = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  define("window", Object.assign(new EventTarget(), { setTimeout: (...given) => setTimeout(...given) }));
  define("document", Object.assign(new EventTarget(), {
    title: "",
    hidden: false,
    activeElement: null,
    createElement: () => ({ getContext: () => null }),
  }));
  define("location", { href: "http://host/" });
  define("history", { replaceState: (state, title, url) => (location.href = String(url)) });
  define("navigator", { platform: "Linux" });
  define("WebSocket", FakeWebSocket);
  FakeWebSocket.all = [];
}

/** Resolves when everything that waits for nothing but promises is done. */
export function settled() {
  return new Promise(setImmediate);
}

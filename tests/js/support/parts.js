// Parts of the page that note what they are asked to do, around a real session and real background jobs.

import { Emitter } from "../../../static/js/lib/emitter.js";
import { Memory } from "../../../static/js/lib/memory.js";
import { Api } from "../../../static/js/net/api.js";
import { ApiError } from "../../../static/js/net/problems.js";
import { BackgroundJobs } from "../../../static/js/net/background.js";
import { Session } from "../../../static/js/net/session.js";
import { Previews } from "../../../static/js/net/previews.js";
import { FakeElement, FakeStorage } from "./browser.js";

/** A connection: `sent` is what went out, `answer` and `refuse` settle the oldest request that is still open. */
export class FakeSocket extends Emitter {
  sent = [];
  isOpen = true;
  isPolling = false;
  connected = 0;
  #refs = 0;
  #open = [];

  connect() { this.connected += 1; }
  retryNow() {}
  nextRef() { return `r${(this.#refs += 1)}`; }

  send(message) {
    if (this.isOpen) this.sent.push(message);
    return this.isOpen;
  }

  request(message) {
    this.send(message);
    return new Promise((resolve, reject) => this.#open.push({ resolve, reject }));
  }

  answer(message) { this.#open.shift().resolve(message); }
  refuse(problem) { this.#open.shift().reject(new ApiError(problem)); }

  /** What was sent of this type. */
  of(type) { return this.sent.filter((message) => message.type === type); }
}

/** A part with these `members`; every other method that is called is noted in `calls` as [name, ...arguments]. */
export function fakePart(members = {}) {
  const calls = [];
  const part = Object.assign(new Emitter(), members, { calls });
  return new Proxy(part, {
    get(target, name) {
      if (!(name in target)) return (...given) => calls.push([name, ...given]);
      const value = target[name];
      return typeof value === "function" ? value.bind(target) : value;
    },
    set: (target, name, value) => Reflect.set(target, name, value),
  });
}

export const CONTENT = { id: "c", width: 80, height: 60, title: "Harbour" };
export const STYLE = { id: "s", title: "Red" };

/** All parts by name, as in page/parts.js. Pictures are chosen, `size` is a setting of its own, `style_weight` a live one. */
export function fakeParts() {
  const link = new FakeSocket();
  const values = { size: 256, style_weight: 20 };
  return {
    link,
    session: new Session({ socket: link, frames: () => ({ max_px: 512 }) }),
    background: new BackgroundJobs(link),
    previews: new Previews(link, { saving: () => false }),
    easel: fakePart({ painted: false, canCompare: false, comparing: false, pixels: 800, canvas: { width: 8, height: 6 }, element: new FakeElement() }),
    slots: fakePart({ contentImage: CONTENT, styleImages: [STYLE], busy: false, begun: false, missing: null, content: fakePart() }),
    gallery: fakePart({ find: (id) => ({ id, title: `found ${id}` }), sample: null }),
    controls: fakePart({
      values,
      mix: {},
      regions: fakePart({ uploaded: async () => {} }),
      invalid: null,
      isLive: (name) => name === "style_weight",
      value: (name) => values[name] ?? null,
      limit: () => 1000,
    }),
    status: fakePart(),
    chart: fakePart(),
    recipe: fakePart(),
    timelapse: fakePart({ shown: false, has: () => false, load: async () => false }),
    masks: fakePart(),
    paintings: fakePart(),
    actions: fakePart(),
    tools: fakePart(),
    connection: fakePart(),
    token: fakePart({ ask: async () => "" }),
    confirm: new FakeElement(),
    welcome: new FakeElement({}, { button: new FakeElement() }),
    chooseButton: new FakeElement(),
    exampleButton: new FakeElement(),
  };
}

/** An API whose addresses are real and whose answers are made up. */
export function fakeApi({ limits = { params: [], max_frame_px: 512 } } = {}) {
  const api = new Api({ base: "http://host/" });
  const asked = [];
  return Object.assign(api, {
    asked,
    json: async (path) => {
      asked.push(path);
      return limits;
    },
    blob: async (url) => {
      asked.push(url);
      return new Blob(["picture"]);
    },
  });
}

export function fakeMemory() {
  return new Memory({ local: new FakeStorage(), session: new FakeStorage() });
}

/** The last arguments with which a method of a part was called. */
export function last(part, method) {
  const call = part.calls.findLast(([name]) => name === method);
  return call?.slice(1);
}

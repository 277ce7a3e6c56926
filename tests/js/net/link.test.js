// Socket or asking: when the page turns to the one and back to the other. Time, socket and server are the test's.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Emitter } from "../../../static/js/lib/emitter.js";
import { Link } from "../../../static/js/net/link.js";
import { ApiError } from "../../../static/js/net/problems.js";
import { installBrowser, settled } from "../support/browser.js";

class Way extends Emitter {
  isOpen = false;
  sent = [];
  connects = 0;
  retries = 0;

  connect() { this.connects += 1; }
  retryNow() { this.retries += 1; }
  nextRef() { return "r"; }
  send(message) { this.sent.push(message.type); return this.isOpen; }
  async request(message) { return this.send(message); }
  open() {
    this.isOpen = true;
    this.emit("hello", { limits: {} });
  }
  close() { this.isOpen = false; }
}

let live;
let polling;
let link;
let heard;
let probes;
let api;
let context;

beforeEach((given) => {
  installBrowser();
  context = given;
  context.mock.timers.enable({ apis: ["setTimeout"] });
  live = new Way();
  polling = new Way();
  probes = 0;
  api = { token: null, error: null, probe: async () => { probes += 1; if (api.error) throw api.error; } };
  link = new Link(api, { live, polling });
  heard = [];
  link.on("status", ({ state }) => heard.push(state));
  link.on("problem", ({ error }) => heard.push(error.code));
  link.on("hello", () => heard.push("hello"));
  link.on("message", ({ type }) => heard.push(type));
});

async function pass(seconds) {
  for (let second = 0; second < seconds; second += 1) {
    context.mock.timers.tick(1000);
    await settled();
  }
}

function opened() {
  live.open();
  live.emit("status", { state: "open" });
}

function closed() {
  live.isOpen = false;
  live.emit("status", { state: "waiting", retry_s: 1 });
}

test("a socket that opens is all there is", async () => {
  link.connect();
  opened();
  await pass(60);
  assert.deepEqual([heard, probes, polling.isOpen], [["hello", "open"], 0, false]);
  assert.deepEqual([link.isOpen, link.isPolling, link.send({ type: "ack" })], [true, false, true]);
});

test("when no socket opens, but the server answers, the page asks: within ten seconds", async () => {
  link.connect();
  closed();
  await pass(3);
  assert.deepEqual([live.retries, polling.isOpen], [1, false]);
  closed();
  await pass(3);
  assert.deepEqual(heard, ["waiting", "waiting", "hello", "polling"]);
  assert.deepEqual([link.isOpen, link.isPolling], [true, true]);
  await link.request({ type: "submit" });
  link.send({ type: "subscribe" });
  assert.deepEqual([polling.sent, live.sent], [["submit", "subscribe"], []]);
  // the socket goes on trying, of which nothing is said
  closed();
  live.emit("status", { state: "connecting" });
  polling.emit("message", { type: "state" });
  await pass(30);
  assert.deepEqual(heard.slice(4), ["state"]);
});

test("a socket whose opening never ends is not waited for", async () => {
  link.connect();
  live.emit("status", { state: "connecting" });
  await pass(6);
  assert.deepEqual(heard, ["connecting", "hello", "polling"]);
});

test("when sockets come through after all, the page turns to them", async () => {
  link.connect();
  closed();
  await pass(6);
  opened();
  assert.deepEqual([polling.isOpen, heard.slice(-2), link.isPolling], [false, ["hello", "open"], false]);
  // and a lost one is missed again
  closed();
  await pass(6);
  assert.equal(link.isPolling, true);
});

test("a server that is away is waited for, and its socket tried first when it is back", async () => {
  link.connect();
  opened();
  api.error = new ApiError({ code: "unreachable" });
  closed();
  await pass(60);
  assert.deepEqual([heard.slice(2), polling.isOpen], [["waiting"], false]);
  api.error = null;
  await pass(3);
  assert.equal(live.retries, 1);
  opened();
  await pass(60);
  assert.deepEqual([heard.slice(3), polling.isOpen], [["hello", "open"], false]);
});

test("what the server or a proxy has against the page is told", async () => {
  api.error = new ApiError({ code: "forbidden", field: "origin" });
  link.connect();
  closed();
  await settled();
  assert.deepEqual(heard, ["waiting", "forbidden"]);
  await pass(30);
  assert.equal(polling.isOpen, false);
  api.error = new ApiError({ code: "proxy", status: 502 });
  await pass(3);
  assert.equal(heard.at(-1), "proxy");
});

test("an answer to a former token is not told", async () => {
  api.error = new ApiError({ code: "unauthorized" });
  link.connect();
  closed();
  api.token = "another";
  await settled();
  assert.deepEqual(heard, ["waiting"]);
});

test("a server that is lost while it is asked is asked again at the first answer", async () => {
  link.connect();
  closed();
  await pass(6);
  polling.close();
  api.error = new ApiError({ code: "unreachable" });
  polling.emit("lost", { error: api.error });
  assert.equal(heard.at(-1), "waiting");
  await pass(30);
  assert.equal(polling.isOpen, false);
  api.error = null;
  await pass(3);
  assert.deepEqual(heard.slice(-2), ["hello", "polling"]);
});

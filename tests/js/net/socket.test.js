// The connection that comes back by itself. Time and the server are the test's.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { LiveSocket } from "../../../static/js/net/socket.js";
import { FakeWebSocket, installBrowser } from "../support/browser.js";

let socket;
let states;
let now;

beforeEach((context) => {
  installBrowser();
  now = 0;
  context.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  context.mock.method(performance, "now", () => now);
  context.mock.method(Math, "random", () => 0);
  socket = new LiveSocket(() => "ws://host/ws");
  states = [];
  socket.on("status", ({ state, retry_s: retryS }) => states.push(retryS === undefined ? state : `${state} ${retryS}`));
});

const server = () => FakeWebSocket.all[FakeWebSocket.all.length - 1];

function opened() {
  socket.connect();
  server().say({ type: "hello", heartbeat_s: 20 });
}

/** Let time pass in steps of a second. */
function pass(context, seconds) {
  for (let second = 0; second < seconds; second += 1) {
    now += 1000;
    context.mock.timers.tick(1000);
  }
}

test("messages go out only when the server has said hello", () => {
  socket.connect();
  assert.deepEqual([socket.isOpen, socket.send({ type: "ping" })], [false, false]);
  server().say({ type: "hello" });
  assert.deepEqual([socket.isOpen, socket.send({ type: "ping" })], [true, true]);
  assert.deepEqual([server().sent, states], [[{ type: "ping" }], ["connecting", "open"]]);
});

test("an answer finds its request, an error rejects it", async () => {
  opened();
  const [first, second] = [socket.request({ type: "pause" }), socket.request({ type: "resume" })];
  const [one, two] = server().sent.map(({ ref }) => ref);
  server().say({ type: "error", ref: two, code: "job_ended", message: "the job has ended" });
  server().say({ type: "ok", ref: one });
  assert.equal((await first).type, "ok");
  await assert.rejects(second, { code: "job_ended", message: "The job has ended." });
});

test("a lost connection fails what waits, and is tried again after longer and longer waits", async (context) => {
  opened();
  const request = socket.request({ type: "pause" });
  server().close();
  await assert.rejects(request, { code: "unreachable" });
  await assert.rejects(socket.request({ type: "pause" }), { code: "unreachable" });
  context.mock.timers.tick(500);
  server().close();
  context.mock.timers.tick(1000);
  assert.deepEqual(states, ["connecting", "open", "waiting 0.5", "connecting", "waiting 1", "connecting"]);
  server().say({ type: "hello" });
  server().close();
  assert.equal(states.at(-1), "waiting 0.5");
});

test("a server that restarts says when to come back", () => {
  opened();
  server().say({ type: "shutdown", retry_s: 7 });
  server().close();
  assert.equal(states.at(-1), "waiting 7");
});

test("a silent connection is asked for a sign of life, and given up without one", (context) => {
  opened();
  const first = server();
  pass(context, 40);
  assert.deepEqual(first.sent.map(({ type }) => type), ["ping"]);
  first.say({ type: "pong" });
  pass(context, 39);
  assert.equal(socket.isOpen, true);
  pass(context, 30);
  assert.deepEqual([socket.isOpen, first.readyState, server() === first], [false, 3, false]);
});

test("a waiting page connects at once when the network is back or the tab is seen", () => {
  opened();
  server().close();
  window.dispatchEvent(new Event("online"));
  assert.equal(FakeWebSocket.all.length, 2);
  // one that is open is left alone
  server().say({ type: "hello" });
  document.dispatchEvent(new Event("visibilitychange"));
  assert.equal(FakeWebSocket.all.length, 2);
});

test("an upgrade that is held for ever is given up and tried again", (context) => {
  socket.connect();
  const held = server();
  context.mock.timers.tick(19_999);
  assert.deepEqual(states, ["connecting"]);
  context.mock.timers.tick(1);
  assert.deepEqual([states.at(-1), held.readyState], ["waiting 0.5", 3]);
  context.mock.timers.tick(500);
  server().say({ type: "hello" });
  context.mock.timers.tick(60_000);
  assert.deepEqual([socket.isOpen, FakeWebSocket.all.length], [true, 2]);
});

test("what a former connection still says is not heard", () => {
  opened();
  const former = server();
  former.close();
  window.dispatchEvent(new Event("online"));
  former.say({ type: "hello" });
  assert.equal(socket.isOpen, false);
});

// From a press to a message and back: the app with a real session, on a connection that the test speaks for.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { App } from "../../../static/js/page/app.js";
import { installBrowser, settled } from "../support/browser.js";
import { CONTENT, STYLE, fakeApi, fakeMemory, fakeParts, last } from "../support/parts.js";

let parts;
let api;
let memory;
let app;
let socket;

beforeEach(() => {
  installBrowser();
  parts = fakeParts();
  api = fakeApi();
  memory = fakeMemory();
  socket = parts.link;
  app = new App({ api, memory, parts });
});

/** Launch what is chosen and let the server accept and start it as job "j". */
async function launched() {
  parts.actions.emit("launch");
  await settled();
  socket.answer({ type: "accepted", job: "j", key: "k", position: 1 });
  await settled();
  socket.emit("message", { type: "started", job: "j", total_steps: 120, width: 8, height: 6 });
}

test("the page loads limits and gallery, connects, and puts the draft back", async () => {
  memory.keepDraft({ content: CONTENT, styles: [STYLE], params: { size: 256 } });
  await app.start(null);
  assert.deepEqual([api.asked, socket.connected], [["api/limits", "api/gallery"], 1]);
  assert.ok(last(parts.gallery, "show"));
  assert.deepEqual(last(parts.slots, "restore"), [{ content: CONTENT, styles: [STYLE] }]);
  assert.deepEqual([parts.controls.values, parts.welcome.hidden], [{ size: 256 }, true]);
});

test("a first visit begins with a sample, until other pictures are chosen", async () => {
  parts.gallery.sample = { content: CONTENT, styles: [STYLE, STYLE] };
  await app.start(null);
  assert.deepEqual(last(parts.slots, "restore"), [parts.gallery.sample]);
  assert.equal(parts.welcome.hidden, false);
  parts.slots.emit("change");
  assert.equal(parts.welcome.hidden, true);
});

test("pictures chosen before the first answers came stay, and the settings come back", async () => {
  memory.keepDraft({ content: CONTENT, styles: [STYLE], params: { size: 256 } });
  parts.slots.begun = true;
  await app.start(null);
  assert.equal(last(parts.slots, "restore"), undefined);
  assert.deepEqual([parts.controls.values, parts.welcome.hidden], [{ size: 256 }, true]);
});

test("a job in the address is watched with the key that this browser has", async () => {
  memory.keepJob("j", { key: "k", content: CONTENT, styles: [STYLE], params: {}, status: "running" });
  await app.start("j");
  assert.deepEqual(socket.of("subscribe").map(({ job }) => job), ["j"]);
  assert.equal(parts.session.mine, true);
  assert.deepEqual(last(parts.slots, "restore"), [{ content: CONTENT, styles: [STYLE] }]);
});

test("without the server's token the page says so and goes no further", async () => {
  api.json = async () => Promise.reject(Object.assign(new Error("no"), { code: "unauthorized" }));
  await app.start(null);
  assert.equal(last(parts.status, "say")[1], "This server requires a token.");
  assert.equal(last(parts.slots, "restore"), undefined);
});

test("a launch sends what is chosen, keeps its key and shows the job", async () => {
  const busy = () => last(parts.actions, "show")[0];
  parts.actions.emit("launch");
  await settled();
  assert.equal(busy().launching, true);
  const params = parts.controls.values;
  assert.deepEqual(socket.of("submit"), [{ type: "submit", content: "c", styles: ["s"], params, frames: { max_px: 512 } }]);
  // a second press while the answer is on its way launches nothing
  parts.actions.emit("launch");
  await settled();
  assert.equal(socket.of("submit").length, 1);
  socket.answer({ type: "accepted", job: "j", key: "k" });
  socket.emit("message", { type: "accepted", job: "j", position: 1 });
  await settled();
  assert.deepEqual([busy().launching, busy().active, busy().mine], [false, true, true]);
  assert.equal(location.href, "http://host/?job=j");
  const { key, status, content } = memory.job("j");
  assert.deepEqual([key, status, content], ["k", "queued", CONTENT]);
});

test("a launch that is refused says why and goes to the field that is wrong", async () => {
  const field = { focused: false, focus() { this.focused = true; } };
  parts.controls.find = (path) => (path === "params.size" ? field : null);
  parts.actions.emit("launch");
  await settled();
  socket.refuse({ code: "invalid_params", message: "size is too small", field: "params.size" });
  await settled();
  assert.deepEqual(last(parts.status, "say"), ["error", "Not started", "Size is too small."]);
  assert.equal(field.focused, true);
  assert.equal(parts.session.job, null);
});

test("nothing is launched without pictures", async () => {
  parts.slots.missing = { focus() {} };
  parts.actions.emit("launch");
  await settled();
  assert.equal(last(parts.status, "say")[0], "note");
  assert.deepEqual(socket.sent, []);
});

test("a slider that moves while it paints is sent once, with its last value", async (context) => {
  await launched();
  context.mock.timers.enable({ apis: ["setTimeout"] });
  for (const value of [30, 40, 50]) {
    parts.controls.values.style_weight = value;
    parts.controls.emit("change", { name: "style_weight" });
  }
  // not a live one: it is kept for the next launch
  parts.controls.values.size = 512;
  parts.controls.emit("change", { name: "size" });
  context.mock.timers.tick(150);
  assert.deepEqual(socket.of("update"), [{ type: "update", job: "j", key: "k", params: { style_weight: 50 } }]);
  assert.deepEqual([memory.draft.params, memory.job("j").params], [{ size: 512, style_weight: 50 }, { size: 512, style_weight: 50 }]);
});

test("a watcher's slider sends nothing", async (context) => {
  await app.start("j");
  socket.emit("message", { type: "started", job: "j", total_steps: 120 });
  context.mock.timers.enable({ apis: ["setTimeout"] });
  parts.controls.emit("change", { name: "style_weight" });
  context.mock.timers.tick(1000);
  assert.deepEqual(socket.of("update"), []);
});

test("pause, resume and stop go to the job on view", async () => {
  await launched();
  const acts = ["pause", "resume", "cancel"];
  for (const act of acts) parts.actions.emit(act);
  assert.deepEqual(socket.sent.slice(-3), acts.map((type) => ({ type, job: "j", key: "k" })));
});

test("more steps move the end of a painting, and paint a finished one again", async (context) => {
  await launched();
  context.mock.timers.enable({ apis: ["setTimeout"] });
  parts.tools.emit("more");
  context.mock.timers.tick(150);
  assert.deepEqual(socket.of("update")[0].params, { iterations: 180 });
  assert.deepEqual(last(parts.controls, "set"), ["iterations", 180]);
  socket.emit("message", { type: "completed", job: "j", seq: 9, step: 900, total_steps: 900 });
  parts.tools.emit("more");
  await settled();
  // the server takes no more than this
  assert.deepEqual(last(parts.controls, "set"), ["iterations", 1000]);
  assert.equal(socket.of("submit").length, 2);
});

test("frames are drawn, and acknowledged when they were", async () => {
  await launched();
  const frame = { header: { job: "j", seq: 3 }, image: null };
  socket.emit("frame", frame);
  assert.deepEqual(last(parts.easel, "push"), [frame]);
  assert.deepEqual(socket.of("ack"), []);
  parts.easel.emit("frame-done", { header: frame.header });
  assert.deepEqual(socket.of("ack"), [{ type: "ack", job: "j", seq: 3 }]);
});

test("a lost connection is said, and the job is followed again from its last frame", async () => {
  await launched();
  socket.emit("frame", { header: { job: "j", seq: 3 }, image: null });
  socket.isOpen = false;
  socket.emit("status", { state: "waiting", retry_s: 1 });
  assert.deepEqual([parts.status.offline, last(parts.connection, "show")], [true, [{ state: "waiting", retry_s: 1 }]]);
  socket.isOpen = true;
  socket.emit("hello", { device: "cpu", limits: {} });
  socket.emit("status", { state: "open" });
  assert.deepEqual([parts.status.offline, parts.connection.device], [false, "cpu"]);
  assert.deepEqual(socket.of("subscribe").map(({ job, after }) => [job, after]), [["j", 3]]);
});

test("what is in the way of a connection is explained, but not that the token is missing", () => {
  socket.emit("problem", { error: Object.assign(new Error("Name the proxy."), { code: "forbidden" }) });
  assert.deepEqual(last(parts.connection, "explain"), ["Name the proxy."]);
  socket.emit("problem", { error: Object.assign(new Error("A token is required."), { code: "unauthorized" }) });
  assert.deepEqual(last(parts.connection, "explain"), ["Name the proxy."]);
});

test("without WebSockets a painting can be stopped, and its sliders send nothing", async (context) => {
  socket.isPolling = true;
  await launched();
  const { mine, steerable } = last(parts.actions, "show")[0];
  assert.deepEqual([mine, steerable, parts.controls.mode], [true, false, "watching"]);
  context.mock.timers.enable({ apis: ["setTimeout"] });
  parts.controls.emit("change", { name: "style_weight" });
  context.mock.timers.tick(1000);
  assert.deepEqual(socket.of("update"), []);
  parts.actions.emit("cancel");
  assert.equal(socket.of("cancel").length, 1);
  // when they come through again, all is there again
  socket.isPolling = false;
  socket.emit("status", { state: "open" });
  assert.deepEqual([last(parts.actions, "show")[0].steerable, parts.controls.mode], [true, "running"]);
});

test("a job that the server no longer has is forgotten", async () => {
  memory.keepJob("j", { key: "k", status: "running" });
  await app.start("j");
  socket.emit("message", { type: "error", ref: socket.of("subscribe")[0].ref, code: "not_found", message: "no such job" });
  assert.equal(memory.job("j"), null);
  assert.equal(parts.session.job, null);
});

test("a new painting leaves the running one in the background, where it is followed without frames", async () => {
  await launched();
  parts.tools.emit("new");
  assert.equal(location.href, "http://host/");
  assert.deepEqual(socket.of("subscribe").map(({ job, frames }) => [job, frames]), [["j", false]]);
  socket.emit("message", { type: "completed", job: "j", seq: 9, step: 0 });
  assert.equal(memory.job("j").status, "completed");
  const [records, current] = last(parts.paintings, "show");
  assert.deepEqual([records.map(({ id, status }) => [id, status]), current], [[["j", "completed"]], null]);
  parts.paintings.emit("open", "j");
  assert.deepEqual([parts.session.job.id, location.href], ["j", "http://host/?job=j"]);
});

// Following jobs by asking. Time and the server are the test's.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Polling } from "../../../static/js/net/polling.js";
import { ApiError } from "../../../static/js/net/problems.js";
import { installBrowser, settled } from "../support/browser.js";

let server;
let polling;
let heard;
let context;

beforeEach((given) => {
  installBrowser();
  context = given;
  context.mock.timers.enable({ apis: ["setTimeout"] });
  server = { asked: [], states: {}, frames: 0, limits: { max_frame_px: 9 } };
  const api = {
    limits: server.limits,
    jobUrl: (job, name) => `${job}/${name}`,
    async json(path, { body } = {}) {
      server.asked.push(body ? ["POST", path, body] : path);
      if (server.error) throw server.error;
      if (body) return { job: "new", key: "k", position: 1 };
      const state = server.states[path.replace("api/jobs/", "")];
      if (!state) throw new ApiError({ code: "not_found", message: "no such job", status: 404 });
      return state;
    },
    async blob(url) {
      server.asked.push(url);
      server.frames += 1;
      return new Blob([String(server.frames)]);
    },
    cancel: async (job, key) => server.asked.push(["cancel", job, key]),
  };
  polling = new Polling(api);
  heard = [];
  polling.on("hello", ({ limits }) => heard.push(["hello", limits.max_frame_px]));
  polling.on("message", (message) => heard.push([message.type, message.job ?? message.ref, message.status ?? message.code]));
  polling.on("frame", ({ header, image }) => heard.push(["frame", header.job, header.seq, new TextDecoder().decode(image)]));
  polling.on("lost", ({ error }) => heard.push(["lost", error.code]));
});

/** Let so many seconds pass, and what is asked in them be answered. */
async function pass(seconds) {
  for (let second = 0; second < seconds; second += 1) {
    context.mock.timers.tick(1000);
    for (let turn = 0; turn < 5; turn += 1) await settled();
  }
}

const state = (job, status, fields = {}) => ({ job, status, step: 0, frame_seq: 0, ...fields });

test("a job is asked for every second, and news of it told once", async () => {
  polling.open();
  server.states.j = state("j", "queued");
  assert.equal(polling.send({ type: "subscribe", job: "j", frames: { max_px: 9 } }), true);
  await pass(3);
  assert.deepEqual(heard, [["hello", 9], ["state", "j", "queued"]]);
  assert.equal(server.asked.length, 3);
  server.states.j = state("j", "running", { step: 4, frame_seq: 7 });
  await pass(1);
  // the picture of a step is fetched once
  await pass(2);
  server.states.j = state("j", "running", { step: 5, frame_seq: 9 });
  await pass(1);
  server.states.j = state("j", "completed", { step: 6, frame_seq: 10 });
  await pass(5);
  assert.deepEqual(heard.slice(2), [
    ["state", "j", "running"],
    ["frame", "j", 7, "1"],
    ["state", "j", "running"],
    ["frame", "j", 9, "2"],
    ["state", "j", "completed"],
  ]);
  assert.equal(server.asked.filter((path) => path === "api/jobs/j").length, 8);
});

test("a job in the background is asked for seldom, and its pictures never", async () => {
  polling.open();
  server.states.b = state("b", "running", { step: 3, frame_seq: 3 });
  polling.send({ type: "subscribe", job: "b", frames: false });
  await pass(11);
  const count = server.asked.length;
  assert.ok(count >= 3 && count <= 4, String(count));
  assert.equal(server.frames, 0);
  polling.send({ type: "unsubscribe", job: "b" });
  await pass(11);
  assert.equal(server.asked.length, count);
});

test("a tab that nobody sees asks seldom and fetches no pictures", async () => {
  polling.open();
  server.states.j = state("j", "running", { step: 3, frame_seq: 3 });
  document.hidden = true;
  polling.send({ type: "subscribe", job: "j", frames: {} });
  await pass(11);
  assert.ok(server.asked.length <= 4);
  assert.equal(server.frames, 0);
});

test("a job is launched, followed at once, and stopped", async () => {
  polling.open();
  server.states.new = state("new", "queued");
  const accepted = await polling.request({ type: "submit", content: "c", styles: ["s"], params: { size: 64 }, frames: {}, ref: "r" });
  assert.deepEqual(accepted, { type: "accepted", job: "new", key: "k", position: 1 });
  await pass(1);
  assert.deepEqual(heard.at(-1), ["state", "new", "queued"]);
  assert.deepEqual(server.asked[0], ["POST", "api/jobs", { content: "c", styles: ["s"], params: { size: 64 } }]);
  assert.deepEqual(await polling.request({ type: "cancel", job: "new", key: "k" }), { type: "ok" });
  server.states.new = state("new", "cancelled");
  await pass(1);
  assert.deepEqual(heard.at(-1), ["state", "new", "cancelled"]);
  assert.ok(server.asked.some((asked) => String(asked) === "cancel,new,k"));
  for (const type of ["pause", "resume", "update"]) {
    await assert.rejects(polling.request({ type, job: "new", key: "k" }), { code: "not_available" });
  }
});

test("a job that is not there is told as a socket tells it", async () => {
  polling.open();
  polling.send({ type: "subscribe", job: "gone", frames: {}, ref: "r1" });
  await pass(3);
  assert.deepEqual(heard, [["hello", 9], ["error", "r1", "not_found"]]);
  assert.equal(server.asked.length, 1);
});

test("a server that does not answer three times is lost, and nothing more is asked", async () => {
  polling.open();
  server.states.j = state("j", "running");
  polling.send({ type: "subscribe", job: "j", frames: {} });
  await pass(1);
  server.error = new ApiError({ code: "unreachable" });
  await pass(2);
  server.error = null;
  await pass(2);
  assert.equal(polling.isOpen, true);
  server.error = new ApiError({ code: "proxy", status: 404 });
  await pass(10);
  assert.deepEqual(heard.at(-1), ["lost", "proxy"]);
  assert.equal(polling.isOpen, false);
  assert.equal(polling.send({ type: "subscribe", job: "j" }), false);
  const asked = server.asked.length;
  await pass(10);
  assert.equal(server.asked.length, asked);
});

// The job on view: what is asked of the server, and what becomes of its answers.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Session } from "../../../static/js/net/session.js";
import { settled } from "../support/browser.js";
import { FakeSocket } from "../support/parts.js";

let socket;
let session;
let heard;

beforeEach(() => {
  socket = new FakeSocket();
  session = new Session({ socket, frames: () => ({ max_px: 512 }) });
  heard = [];
  session.on("job", ({ job, message }) => heard.push([message.type, job.status]));
  session.on("missing", ({ id, error }) => heard.push(["missing", id, error.code]));
  session.on("problem", ({ error }) => heard.push(["problem", error.message]));
  session.on("frame", ({ header }) => heard.push(["frame", header.seq]));
});

/** Submit and let the server accept it; resolves to the job. */
function submitted(job = "j", key = "k") {
  const answer = session.submit({ content: "c", styles: ["s"], params: { size: 256 } });
  socket.answer({ type: "accepted", job, key, position: 1 });
  return answer;
}

test("after a reconnect the page asks for what came after the last frame that it has, whatever it read since", () => {
  session.open("j");
  socket.emit("message", { type: "progress", job: "j", seq: 3, step: 1 });
  socket.emit("hello", {});
  socket.emit("frame", { header: { job: "j", seq: 4 }, image: null });
  socket.emit("frame", { header: { job: "another", seq: 9 }, image: null });
  socket.emit("message", { type: "progress", job: "j", seq: 7, step: 3 });
  socket.emit("hello", {});
  session.open("k");
  assert.deepEqual(
    socket.of("subscribe").map(({ job, after }) => [job, after]),
    [["j", undefined], ["j", undefined], ["j", 4], ["k", undefined]],
  );
});

test("a job is submitted with its frames and goes through its states", async () => {
  const job = await submitted();
  assert.deepEqual(socket.sent, [
    { type: "submit", content: "c", styles: ["s"], params: { size: 256 }, frames: { max_px: 512 } },
  ]);
  assert.deepEqual([job.id, job.key, job.status, session.mine, session.active], ["j", "k", "unknown", true, false]);
  socket.emit("message", { type: "queued", job: "j", position: 1 });
  assert.equal(session.active, true);
  socket.emit("message", { type: "started", job: "j", total_steps: 9 });
  socket.emit("message", { type: "paused", job: "another" });
  socket.emit("message", { type: "progress", job: "j", seq: 1, step: 1 });
  socket.emit("message", { type: "paused", job: "j" });
  socket.emit("message", { type: "resumed", job: "j" });
  socket.emit("message", { type: "completed", job: "j", seq: 9 });
  assert.deepEqual(heard, [
    ["queued", "queued"],
    ["started", "running"],
    ["progress", "running"],
    ["paused", "paused"],
    ["resumed", "running"],
    ["completed", "completed"],
  ]);
  assert.equal(session.active, false);
});

test("messages that come together with the answer are not lost", async () => {
  const answer = session.submit({ content: "c", styles: ["s"], params: {} });
  socket.answer({ type: "accepted", job: "j", key: "k" });
  socket.emit("message", { type: "accepted", job: "j", position: 1 });
  socket.emit("message", { type: "started", job: "j", total_steps: 9 });
  await answer;
  assert.equal(session.job.status, "running");
  socket.emit("message", { type: "progress", job: "j", seq: 1, step: 4 });
  assert.deepEqual([session.job.step, heard.length], [4, 3]);
});

test("a refused launch leaves the job on view as it is", async () => {
  session.open("before", "k");
  const answer = session.submit({ content: "c", styles: ["s"], params: {} });
  socket.refuse({ code: "queue_full", message: "the queue is full" });
  await assert.rejects(answer, { code: "queue_full" });
  assert.equal(session.job.id, "before");
});

test("steering needs the key, and what the server refuses is said", async () => {
  session.open("j");
  await session.steer("pause");
  assert.deepEqual(socket.of("pause"), []);
  session.open("j", "k");
  session.steer("pause");
  assert.deepEqual(socket.of("pause"), [{ type: "pause", job: "j", key: "k" }]);
  socket.refuse({ code: "job_ended", message: "the job has ended" });
  await settled();
  assert.deepEqual(heard, [["problem", "The job has ended."]]);
  // a refusal that comes after another job was opened is nobody's any more
  session.steer("cancel");
  session.open("l", "k");
  socket.refuse({ code: "job_ended", message: "the job has ended" });
  await settled();
  assert.equal(heard.length, 1);
});

test("changes that come quickly travel together, and are pending until they are sent", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  await submitted();
  socket.emit("message", { type: "started", job: "j" });
  session.change("style_weight", 20);
  context.mock.timers.tick(100);
  session.change("style_weight", 30);
  session.change("preserve_color", 0.5);
  assert.deepEqual([...session.pending], ["style_weight", "preserve_color"]);
  context.mock.timers.tick(149);
  assert.deepEqual(socket.of("update"), []);
  context.mock.timers.tick(1);
  const params = { style_weight: 30, preserve_color: 0.5 };
  assert.deepEqual(socket.of("update"), [{ type: "update", job: "j", key: "k", params }]);
  assert.equal(session.pending.size, 0);
});

test("a change made just before a job is stopped is not sent after it", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  await submitted();
  socket.emit("message", { type: "started", job: "j" });
  session.change("style_weight", 20);
  session.steer("cancel");
  context.mock.timers.tick(1000);
  assert.deepEqual([socket.of("update").length, socket.of("cancel").length, session.pending.size], [0, 1, 0]);
});

test("a change that came as the job ended is no problem, one that was refused before is", async () => {
  await submitted();
  const heard = [];
  session.on("problem", ({ error }) => heard.push(error.code));
  socket.emit("message", { type: "started", job: "j" });
  session.steer("update", { params: { style_weight: 20 } });
  socket.refuse({ code: "job_ended", message: "the job has ended" });
  await settled();
  assert.deepEqual(heard, ["job_ended"]);
  session.steer("update", { params: { style_weight: 30 } });
  socket.emit("message", { type: "completed", job: "j" });
  socket.refuse({ code: "job_ended", message: "the job has ended" });
  await settled();
  assert.deepEqual(heard, ["job_ended"]);
});

test("nothing is sent for a job that has ended, is another's, or was left", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    session.open("guest");
    socket.emit("message", { type: "started", job: "guest" });
    session.change("style_weight", 20);
    session.open("j", "k");
    socket.emit("message", { type: "started", job: "j" });
    session.change("style_weight", 20);
    session.close();
    mock.timers.tick(1000);
    assert.deepEqual(socket.of("update"), []);
    assert.deepEqual(socket.of("unsubscribe").map(({ job }) => job), ["guest", "j"]);
    session.open("j", "k");
    socket.emit("message", { type: "completed", job: "j" });
    session.change("style_weight", 20);
    mock.timers.tick(1000);
    const before = socket.sent.length;
    socket.emit("hello", {});
    session.close();
    assert.deepEqual([socket.of("update"), socket.sent.length], [[], before]);
  } finally {
    mock.timers.reset();
  }
});

test("a job that cannot be watched is missing", () => {
  session.open("j");
  const { ref } = socket.of("subscribe")[0];
  socket.emit("message", { type: "error", ref: "another", code: "not_found", message: "no such job" });
  assert.equal(session.job.id, "j");
  socket.emit("message", { type: "error", ref, code: "not_found", message: "no such job" });
  assert.deepEqual([heard, session.job], [[["missing", "j", "not_found"]], null]);
});

test("only frames of the job on view are shown and acknowledged", () => {
  session.open("j");
  socket.emit("frame", { header: { job: "j", seq: 1 }, image: null });
  socket.emit("frame", { header: { job: "another", seq: 2 }, image: null });
  session.ack({ job: "j", seq: 1 });
  session.ack({ job: "another", seq: 2 });
  assert.deepEqual(heard, [["frame", 1]]);
  assert.deepEqual(socket.of("ack"), [{ type: "ack", job: "j", seq: 1 }]);
});

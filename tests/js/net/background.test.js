import assert from "node:assert/strict";
import { test } from "node:test";

import { BackgroundJobs } from "../../../static/js/net/background.js";
import { FakeSocket } from "../support/parts.js";

function follow(socket, ...records) {
  const background = new BackgroundJobs(socket);
  const heard = [];
  for (const type of ["change", "gone"]) background.addEventListener(type, ({ detail }) => heard.push([type, detail.id ?? detail.job.status]));
  background.follow(records);
  return { background, heard };
}

test("unseen jobs are followed without pictures, and again after a reconnect", () => {
  const socket = new FakeSocket();
  socket.isOpen = false;
  follow(socket, { id: "a" }, { id: "b" });
  assert.deepEqual(socket.sent, []);
  socket.isOpen = true;
  socket.emit("hello", {});
  assert.deepEqual(socket.sent.map(({ type, job, frames }) => [type, job, frames]), [["subscribe", "a", false], ["subscribe", "b", false]]);
});

test("a job that ended or is unknown is followed no more", () => {
  const socket = new FakeSocket();
  const { background, heard } = follow(socket, { id: "a" }, { id: "b" });
  socket.emit("message", { type: "started", job: "a" });
  socket.emit("message", { type: "completed", job: "a", seq: 3, elapsed_s: 1 });
  socket.emit("message", { type: "progress", job: "a", seq: 4, step: 1 });
  socket.emit("message", { type: "error", ref: "r2", code: "not_found" });
  assert.deepEqual(heard, [["change", "running"], ["change", "completed"], ["gone", "b"]]);
  assert.equal(background.job("b"), null);
});

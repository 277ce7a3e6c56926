import assert from "node:assert/strict";
import { test } from "node:test";

import { Others } from "../../../static/js/net/others.js";

class FakeSocket extends EventTarget {
  sent = [];
  open = true;
  #refs = 0;
  nextRef() { return `r${(this.#refs += 1)}`; }
  send(message) { if (this.open) this.sent.push(message); return this.open; }
  tell(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
}

function follow(socket, ...records) {
  const others = new Others(socket);
  const heard = [];
  for (const type of ["change", "gone"]) others.addEventListener(type, ({ detail }) => heard.push([type, detail.id ?? detail.job.status]));
  others.follow(records);
  return { others, heard };
}

test("unseen jobs are followed without pictures, and again after a reconnect", () => {
  const socket = new FakeSocket();
  socket.open = false;
  follow(socket, { id: "a" }, { id: "b" });
  assert.deepEqual(socket.sent, []);
  socket.open = true;
  socket.tell("hello", {});
  assert.deepEqual(socket.sent.map(({ type, job, frames }) => [type, job, frames]), [["subscribe", "a", false], ["subscribe", "b", false]]);
});

test("a job that ended or is unknown is followed no more", () => {
  const socket = new FakeSocket();
  const { others, heard } = follow(socket, { id: "a" }, { id: "b" });
  socket.tell("message", { type: "started", job: "a" });
  socket.tell("message", { type: "completed", job: "a", seq: 3, elapsed_s: 1 });
  socket.tell("message", { type: "progress", job: "a", seq: 4, step: 1 });
  socket.tell("message", { type: "error", ref: "r2", code: "not_found" });
  assert.deepEqual(heard, [["change", "running"], ["change", "completed"], ["gone", "b"]]);
  assert.equal(others.job("b"), null);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { Emitter } from "../../../static/js/lib/emitter.js";
import { Session } from "../../../static/js/net/session.js";

class FakeSocket extends Emitter {
  sent = [];
  isOpen = true;
  nextRef() { return "r"; }
  send(message) { this.sent.push(message); }
}

test("after a reconnect the page asks for what came after the last frame that it has, whatever it read since", () => {
  const socket = new FakeSocket();
  const session = new Session({ socket, frames: () => ({}) });
  session.open("j");
  socket.emit("message", { type: "progress", job: "j", seq: 3, step: 1 });
  socket.emit("hello", {});
  socket.emit("frame", { header: { job: "j", seq: 4 }, image: null });
  socket.emit("frame", { header: { job: "another", seq: 9 }, image: null });
  socket.emit("message", { type: "progress", job: "j", seq: 7, step: 3 });
  socket.emit("hello", {});
  session.open("k");
  assert.deepEqual(
    socket.sent.filter(({ type }) => type === "subscribe").map(({ job, after }) => [job, after]),
    [["j", undefined], ["j", undefined], ["j", 4], ["k", undefined]],
  );
});

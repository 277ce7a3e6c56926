import assert from "node:assert/strict";
import { test } from "node:test";

import { Session } from "../../../static/js/net/session.js";

class FakeSocket extends EventTarget {
  sent = [];
  isOpen = true;
  nextRef() { return "r"; }
  send(message) { this.sent.push(message); }
  tell(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
}

test("after a reconnect the page asks for what came after the last frame that it has, whatever it read since", () => {
  const socket = new FakeSocket();
  const session = new Session({ socket, frames: () => ({}) });
  session.open("j");
  socket.tell("message", { type: "progress", job: "j", seq: 3, step: 1 });
  socket.tell("hello", {});
  socket.tell("frame", { header: { job: "j", seq: 4 }, image: null });
  socket.tell("frame", { header: { job: "another", seq: 9 }, image: null });
  socket.tell("message", { type: "progress", job: "j", seq: 7, step: 3 });
  socket.tell("hello", {});
  session.open("k");
  assert.deepEqual(
    socket.sent.filter(({ type }) => type === "subscribe").map(({ job, after }) => [job, after]),
    [["j", undefined], ["j", undefined], ["j", 4], ["k", undefined]],
  );
});

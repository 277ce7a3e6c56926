import assert from "node:assert/strict";
import { test } from "node:test";

import { parseFrame, parseMessage, retryDelay } from "../../../static/js/net/protocol.js";

function frameBytes(header, image, length = null) {
  const text = new TextEncoder().encode(header);
  const all = new Uint8Array(4 + text.length + image.length);
  new DataView(all.buffer).setUint32(0, length ?? text.length, false);
  all.set(text, 4);
  all.set(image, 4 + text.length);
  return all.buffer;
}

test("a frame is a big-endian length, a header and the image", () => {
  const { header, image } = parseFrame(frameBytes('{"type":"frame","job":"ä","seq":7}', [1, 2, 3]));
  assert.deepEqual(header, { type: "frame", job: "ä", seq: 7 });
  assert.deepEqual([...image], [1, 2, 3]);
});

test("bytes that are no frame are refused", () => {
  assert.throws(() => parseFrame(new ArrayBuffer(3)), RangeError);
  assert.throws(() => parseFrame(frameBytes('{"type":"frame"}', [], 17)), RangeError);
  assert.throws(() => parseFrame(frameBytes('{"type":"other"}', [])), RangeError);
  assert.throws(() => parseFrame(frameBytes("{oops", [])), SyntaxError);
});

test("a text message is an object with a type", () => {
  assert.deepEqual(parseMessage('{"type":"ok","ref":"a"}'), { type: "ok", ref: "a" });
  for (const text of ["", "[]", "null", "3", '{"type":3}', "{"]) assert.equal(parseMessage(text), null);
});

test("waiting doubles from half a second to 15 and is shortened by at most half", () => {
  assert.deepEqual([0, 1, 2, 3].map((n) => retryDelay(n, () => 0)), [0.5, 1, 2, 4]);
  assert.equal(retryDelay(50, () => 0), 15);
  assert.equal(retryDelay(0, () => 1), 0.25);
});

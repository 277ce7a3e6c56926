// Instant pictures: one request at a time, the newest wins, and none where they would cost more than they give.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Previews, savingData } from "../../../static/js/net/previews.js";
import { installBrowser } from "../support/browser.js";
import { FakeSocket } from "../support/parts.js";

const IMAGE = new Uint8Array([1]);

let link;
let previews;
let now;
let saving;
let heard;

beforeEach((context) => {
  installBrowser();
  context.mock.timers.enable({ apis: ["setTimeout"] });
  link = new FakeSocket();
  now = 0;
  saving = false;
  previews = new Previews(link, { saving: () => saving, clock: () => now });
  heard = [];
  previews.on("picture", ({ image, mime }) => heard.push([image, mime]));
  previews.on("problem", ({ error }) => heard.push(error.code));
});

const want = (name) => previews.want({ content: name, styles: ["s"], params: {} });
const asked = () => link.of("preview").map(({ content }) => content);
const answer = (ref) => link.emit("frame", { header: { type: "frame", job: null, ref, mime: "image/jpeg" }, image: IMAGE });

test("a picture comes for what is wanted", () => {
  previews.want({ content: "c", styles: ["s"], params: { size: 256 }, max_px: 300 });
  assert.deepEqual(link.sent, [{ type: "preview", content: "c", styles: ["s"], params: { size: 256 }, max_px: 300, ref: "r1" }]);
  answer("r1");
  assert.deepEqual(heard, [[IMAGE, "image/jpeg"]]);
});

test("one is asked for at a time, and of those that wait only the newest", () => {
  for (const name of ["a", "b", "c"]) want(name);
  assert.deepEqual(asked(), ["a"]);
  answer("r1");
  assert.deepEqual(asked(), ["a", "c"]);
  answer("r2");
  assert.deepEqual(asked(), ["a", "c"]);
  assert.equal(heard.length, 2);
});

test("frames of jobs and of others are not taken for it", () => {
  want("a");
  link.emit("frame", { header: { job: "j", seq: 1 }, image: IMAGE });
  answer("other");
  assert.deepEqual(heard, []);
  answer("r1");
  assert.equal(heard.length, 1);
});

test("what is not wanted any more is dropped when it comes", () => {
  want("a");
  previews.forget();
  answer("r1");
  assert.deepEqual(heard, []);
  want("b");
  assert.deepEqual(asked(), ["a", "b"]);
});

test("a refusal is told, unless something newer is wanted", () => {
  want("a");
  link.emit("message", { type: "error", code: "bad_request", ref: "r1" });
  want("b");
  want("c");
  link.emit("message", { type: "error", code: "not_found", ref: "r2" });
  assert.deepEqual(heard, ["bad_request"]);
  link.emit("message", { type: "error", code: "superseded", ref: "r3" });
  link.emit("message", { type: "error", code: "internal", ref: "other" });
  assert.deepEqual(heard, ["bad_request"]);
});

test("after a lost connection the last wish is asked for again", () => {
  want("a");
  want("b");
  link.isOpen = false;
  link.emit("status", { state: "waiting" });
  want("c");
  assert.deepEqual(asked(), ["a"]);
  link.isOpen = true;
  link.emit("status", { state: "open" });
  assert.deepEqual(asked(), ["a", "c"]);
});

test("an answer that never comes does not hold up the next", (context) => {
  want("a");
  want("b");
  context.mock.timers.tick(15000);
  assert.deepEqual(asked(), ["a", "b"]);
});

test("none are asked for where data is saved, nothing is live, or the server is slow", () => {
  saving = true;
  want("a");
  saving = false;
  link.isPolling = true;
  want("b");
  link.isPolling = false;
  assert.deepEqual([asked(), previews.offered], [[], true]);
  want("c");
  now = 4001;
  answer("r1");
  assert.equal(previews.offered, false);
  want("d");
  assert.deepEqual([asked(), heard.length], [["c"], 1]);
});

test("a browser says that it saves data", () => {
  const media = (matches) => Object.assign(window, { matchMedia: () => ({ matches }) });
  media(false);
  assert.equal(savingData(), false);
  navigator.connection = { saveData: true };
  assert.equal(savingData(), true);
  navigator.connection = undefined;
  media(true);
  assert.equal(savingData(), true);
});

// When the easel shows a preview, and of what.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { newJob } from "../../../static/js/net/job.js";
import { Preview } from "../../../static/js/page/preview.js";
import { text } from "../../../static/js/lib/texts.js";
import { installBrowser } from "../support/browser.js";
import { CONTENT, STYLE, fakeParts, last } from "../support/parts.js";

let parts;
let preview;
let link;
let tick;

beforeEach((context) => {
  installBrowser();
  context.mock.timers.enable({ apis: ["setTimeout"] });
  tick = () => context.mock.timers.tick(50);
  parts = fakeParts();
  link = parts.link;
  const launcher = { inputs: { content: CONTENT, styles: [STYLE], params: { style_weight: 5 } } };
  preview = new Preview({ parts, launcher });
});

const answer = () => link.emit("frame", { header: { job: null, ref: "r1", mime: "image/jpeg" }, image: new Uint8Array([1]) });

test("what is chosen is previewed at the size of the easel", () => {
  preview.changed();
  preview.changed();
  tick();
  const [asked, ...more] = link.of("preview");
  assert.deepEqual(asked, { type: "preview", content: "c", styles: ["s"], params: { style_weight: 5 }, max_px: 640, ref: "r1" });
  assert.deepEqual(more, []);
  answer();
  assert.equal(last(parts.easel, "showPreview")[0].type, "image/jpeg");
});

test("a connection that opens brings the preview of what was chosen before", () => {
  link.emit("hello", {});
  tick();
  assert.equal(link.of("preview").length, 1);
});

test("nothing is previewed before pictures are chosen", () => {
  parts.slots.missing = parts.slots.content;
  preview.changed();
  tick();
  assert.deepEqual([link.of("preview"), last(parts.easel, "clearPreview")], [[], []]);
});

test("a job on view is not previewed, and the preview stays until its first frame", () => {
  preview.changed();
  tick();
  parts.session.job = { ...newJob("j", "k"), status: "queued" };
  preview.changed();
  tick();
  answer();
  assert.deepEqual([last(parts.easel, "showPreview"), last(parts.easel, "clearPreview")], [undefined, undefined]);
  assert.equal(link.of("preview").length, 1);
});

test("what cannot be previewed is explained, until another choice can", () => {
  preview.changed();
  tick();
  link.emit("message", { type: "error", ref: "r1", code: "bad_request", field: "params.masks", message: "nobody" });
  assert.deepEqual(last(parts.status, "say"), ["note", text.preview.not, "nobody"]);
  preview.changed();
  tick();
  link.emit("frame", { header: { job: null, ref: "r2", mime: "image/jpeg" }, image: new Uint8Array([1]) });
  assert.deepEqual(last(parts.status, "say"), ["idle", ""]);
});

test("a style that is looked at is previewed alone and small, until the pointer leaves it", (context) => {
  preview.look({ id: "other" });
  for (const ms of [160, 50]) context.mock.timers.tick(ms);
  const [asked] = link.of("preview");
  assert.deepEqual([asked.styles, asked.max_px, asked.params.style_weight], [["other"], 320, 5]);
  answer();
  preview.look(null);
  for (const ms of [160, 50]) context.mock.timers.tick(ms);
  assert.deepEqual(link.of("preview")[1].styles, ["s"]);
});

test("a pointer that only passes asks for nothing", (context) => {
  preview.look({ id: "other" });
  preview.look(null);
  for (const ms of [160, 50]) context.mock.timers.tick(ms);
  assert.deepEqual(link.of("preview"), []);
});

test("while a job is on view no style is looked at", (context) => {
  parts.session.job = { ...newJob("j", "k"), status: "running" };
  preview.look({ id: "other" });
  for (const ms of [160, 50]) context.mock.timers.tick(ms);
  assert.deepEqual(link.of("preview"), []);
});

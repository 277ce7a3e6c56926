// What the page shows of the job on view: which tools, which settings, which picture.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { newJob } from "../../../static/js/net/job.js";
import { View } from "../../../static/js/page/view.js";
import { installBrowser, settled } from "../support/browser.js";
import { CONTENT, STYLE, fakeApi, fakeParts, last } from "../support/parts.js";

let parts;
let api;
let launcher;
let view;

beforeEach(() => {
  installBrowser();
  parts = fakeParts();
  api = fakeApi();
  launcher = { busy: false };
  view = new View({ api, parts, launcher });
});

/** Put a job on view; a key makes it one's own. */
function show(fields, key = "k", message = null) {
  parts.session.job = { ...newJob("j", key), ...fields };
  view.jobChanged(message);
}

test("pictures are locked and settings are live, watched or free as the job goes on", () => {
  const state = () => [parts.controls.mode, parts.slots.locked, parts.gallery.locked];
  view.refresh();
  assert.deepEqual(state(), ["free", false, false]);
  launcher.busy = true;
  view.refresh();
  assert.deepEqual(state(), ["watching", true, true]);
  assert.equal(last(parts.actions, "show")[0].launching, true);
  launcher.busy = false;
  // what was opened by its address is locked until the server has said what it is
  show({ status: "unknown" }, null);
  assert.deepEqual(state(), ["watching", true, true]);
  show({ status: "running" }, null);
  assert.deepEqual(state(), ["watching", true, true]);
  show({ status: "running" });
  assert.deepEqual(state(), ["running", true, true]);
  show({ status: "paused" });
  assert.deepEqual(state(), ["running", true, true]);
  show({ status: "cancelled" });
  assert.deepEqual(state(), ["free", false, false]);
});

test("the buttons are told what the job allows", () => {
  const shown = () => {
    const { active, mine, paused, ended, ready } = last(parts.actions, "show")[0];
    return [active, mine, paused, ended, ready];
  };
  parts.slots.missing = {};
  view.refresh();
  assert.deepEqual(shown(), [false, false, false, false, false]);
  parts.slots.missing = null;
  show({ status: "paused" });
  assert.deepEqual(shown(), [true, true, true, false, true]);
  show({ status: "running" }, null);
  assert.deepEqual(shown(), [true, false, false, false, true]);
  show({ status: "completed" });
  assert.deepEqual(shown(), [false, true, false, true, true]);
});

test("the title counts while it paints", () => {
  show({ status: "running", step: 31, total_steps: 120 });
  assert.equal(document.title, "25 % · duostyle");
  show({ status: "completed", step: 120, total_steps: 120 });
  assert.equal(document.title, "duostyle");
});

test("a change that the server made known is shown, but not under the hand that changes it", () => {
  show({ status: "running", step: 7 });
  parts.session.change("style_weight", 50);
  view.jobChanged({ type: "updated", params: { style_weight: 20, preserve_color: 1 } });
  const [params, pending] = last(parts.controls, "update");
  assert.deepEqual([params, [...pending]], [{ style_weight: 20, preserve_color: 1 }, ["style_weight"]]);
  assert.deepEqual(last(parts.chart, "mark"), [7]);
  assert.ok(last(parts.actions, "showApplied"));
  parts.session.close();
});

test("a watcher is shown the pictures and settings of the request, its owner keeps the own", () => {
  const request = { status: "running", content: "x", styles: ["y"], params: { size: 512 } };
  show(request, "k", { type: "state" });
  assert.equal(last(parts.slots, "restore"), undefined);
  show(request, null, { type: "state" });
  assert.deepEqual(last(parts.slots, "restore"), [
    { content: { id: "x", title: "found x" }, styles: [{ id: "y", title: "found y" }] },
  ]);
  assert.deepEqual(parts.controls.values, { size: 512 });
  // the same pictures are not put in again
  parts.slots.calls.length = 0;
  show({ ...request, content: CONTENT.id, styles: [STYLE.id] }, null, { type: "state" });
  assert.equal(last(parts.slots, "restore"), undefined);
});

test("the finished picture is fetched once and shown", async () => {
  const ended = [];
  view.on("ended", ({ job }) => ended.push(job.id));
  parts.easel.painted = true;
  show({ status: "completed", step: 9 });
  show({ status: "completed", step: 9 });
  await settled();
  assert.deepEqual(api.asked, ["http://host/api/jobs/j/result.png"]);
  assert.equal(parts.easel.calls.filter(([name]) => name === "showPicture").length, 1);
  assert.deepEqual(ended, ["j"]);
  await view.showResult();
  assert.equal(parts.easel.calls.filter(([name]) => name === "showPicture").length, 2);
});

test("of a stopped painting its last picture is fetched, unless there was none", async () => {
  show({ status: "cancelled", step: 0 });
  await settled();
  assert.deepEqual(api.asked, []);
  view.clearEasel();
  show({ status: "cancelled", step: 3 });
  await settled();
  assert.deepEqual(api.asked, ["http://host/api/jobs/j/result.png?partial=1"]);
});

test("a picture that comes after its job was left is not shown", async () => {
  show({ status: "completed", step: 9 });
  parts.session.close();
  await settled();
  assert.equal(last(parts.easel, "showPicture"), undefined);
});

test("another content picture takes a finished painting off the easel, another style does not", () => {
  show({ status: "completed", step: 9 });
  view.restore({ content: CONTENT, styles: [STYLE] });
  parts.easel.painted = true;
  parts.slots.styleImages = [{ id: "t" }];
  view.picturesChanged();
  assert.equal(parts.session.job.id, "j");
  parts.slots.contentImage = { id: "d", width: 5, height: 4 };
  view.picturesChanged();
  assert.equal(parts.session.job, null);
  assert.ok(last(parts.easel, "clearPainting"));
  assert.deepEqual(last(parts.easel, "setContent"), [{ url: api.imageUrl("d", 1024), width: 5, height: 4 }]);
  assert.deepEqual([...last(parts.gallery, "mark")[0]], ["d", "t"]);
});

test("the recipe is shown of a job that has ended and is known", () => {
  const known = { params: { size: 256 }, content: CONTENT.id, styles: ["y"], report: { share: [1] } };
  show({ status: "running", ...known });
  assert.equal(last(parts.recipe, "show"), undefined);
  show({ status: "completed", ...known });
  const { content, styles, share } = last(parts.recipe, "show")[0];
  assert.deepEqual([content, styles, share], [CONTENT, [{ id: "y", title: "found y" }], [1]]);
});

test("a job that is not there leaves a clean address", () => {
  location.href = "http://host/?job=j";
  view.jobMissing({ code: "not_found" });
  assert.equal(location.href, "http://host/");
  assert.equal(last(parts.status, "say")[1], "This painting was not found.");
  view.jobMissing({ code: "too_many_requests", message: "Wait." });
  assert.equal(last(parts.status, "say")[2], "Wait.");
});

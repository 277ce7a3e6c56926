// The parts of the page that need no document, with answers worked out by hand. Run by tests/test_static.py.

import assert from "node:assert/strict";
import { test } from "node:test";

import { bytes, duration, measuredText, percent, sentence, short, timeLeft } from "../../static/js/format.js";
import { newJob, reduce } from "../../static/js/job.js";
import { Memory } from "../../static/js/memory.js";
import { parseFrame, parseMessage, retryDelay } from "../../static/js/protocol.js";
import { fromLog, nearest, shares, sizesUpTo, toLog } from "../../static/js/scale.js";
import { Series } from "../../static/js/series.js";
import { describe, share } from "../../static/js/status.js";

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

test("numbers read well", () => {
  assert.deepEqual([4.24, 48.4, 200, 3900].map(duration), ["4.2 s", "48 s", "3 min 20 s", "1 h 05 min"]);
  assert.deepEqual([0.4, 4.2, 61].map(timeLeft), ["less than a second left", "5 s left", "1 min 01 s left"]);
  assert.equal(timeLeft(NaN), "");
  assert.deepEqual([950, 2048, 32 * 2 ** 20, 500 * 2 ** 20].map(bytes), ["950 bytes", "2 KB", "32 MB", "500 MB"]);
  assert.deepEqual([0, 0.01234, 1.449, 120.4].map(short), ["0", "0.0123", "1.45", "120"]);
  assert.equal(percent(0.256), "26 %");
  assert.equal(sentence(" no such job"), "No such job");
});

test("the logarithmic slider hits its ends and its middle", () => {
  assert.equal(fromLog(0, 1, 200), 1);
  assert.equal(fromLog(1, 1, 200), 200);
  assert.equal(fromLog(0.5, 0.25, 4), 1);
  assert.equal(toLog(1, 0.25, 4), 0.5);
  assert.equal(toLog(1e9, 1, 200), 1);
});

test("sizes end at the limit of the server", () => {
  assert.deepEqual(sizesUpTo(300), [128, 192, 256, 300]);
  assert.deepEqual(sizesUpTo(64), [64]);
  assert.equal(sizesUpTo(2048).at(-1), 2048);
  assert.equal(nearest([128, 256, 512], 300), 1);
});

test("shares add up to one, and all zero means equal", () => {
  assert.deepEqual(shares([3, 1]), [0.75, 0.25]);
  assert.deepEqual(shares([0, 0, 0, 0]), [0.25, 0.25, 0.25, 0.25]);
});

test("the series stays small and keeps its first and newest point", () => {
  const series = new Series(8);
  for (let step = 1; step <= 1000; step += 1) series.push(step, [step]);
  assert.ok(series.points.length <= 9);
  assert.equal(series.points[0].step, 1);
  assert.equal(series.points.at(-1).step, 1000);
  series.push(1000, [0]);
  assert.deepEqual(series.last.values, [1000]);
});

const progress = { type: "progress", job: "j", seq: 5, step: 3, total_steps: 9, level: 1, width: 8, height: 6, eta_s: 2 };

test("a job follows its messages and ignores those of others", () => {
  let job = newJob("j", "key");
  job = reduce(job, { type: "accepted", job: "j", position: 2, eta_s: null });
  assert.deepEqual([job.status, job.position], ["queued", 2]);
  assert.equal(reduce(job, { ...progress, job: "other" }), job);
  job = reduce(job, { type: "started", job: "j", total_steps: 9, levels: 2, width: 8, height: 6 });
  job = reduce(job, progress);
  assert.deepEqual([job.status, job.step, job.levels, job.seq], ["running", 3, 2, 5]);
  job = reduce(job, { type: "paused", job: "j" });
  assert.equal(reduce(job, { ...progress, seq: 6 }).status, "paused");
  job = reduce(reduce(job, { type: "resumed", job: "j" }), { type: "cancelled", job: "j", seq: 7, partial: true, elapsed_s: 1 });
  assert.deepEqual([job.status, job.partial, job.key], ["cancelled", true, "key"]);
});

test("a late `accepted` does not put a running job back into the queue", () => {
  const running = reduce(newJob("j"), { type: "started", job: "j" });
  assert.equal(reduce(running, { type: "accepted", job: "j", position: 1 }).status, "running");
});

test("what was asked and measured comes with the state, and the measured share with the end", () => {
  const asked = reduce(newJob("j"), { type: "state", job: "j", status: "running", content: "c", styles: ["a", "b"], report: null });
  assert.deepEqual([asked.content, asked.styles, asked.report], ["c", ["a", "b"], null]);
  const report = { share: [0.46, 0.54], evaluations: 9 };
  assert.deepEqual(reduce(asked, { type: "completed", job: "j", seq: 9, elapsed_s: 1, report }).report, report);
});

test("the measured share is told when there is one for every style", () => {
  assert.equal(measuredText([0.458, 0.542], 2), "measured share 46 % / 54 %");
  for (const share of [null, [1], [0.5, null]]) assert.equal(measuredText(share, 2), "");
});

test("the status line says what matters", () => {
  const running = { ...newJob("j"), status: "running", step: 34, total_steps: 120, level: 2, levels: 4, width: 256, height: 192, eta_s: 13.2 };
  assert.deepEqual(describe(running), { head: "Painting", detail: "step 34 of 120 · level 2 of 4 · 256 × 192 px · 14 s left" });
  assert.equal(share({ ...running, step: 30 }), 0.25);
  assert.equal(describe({ ...running, status: "queued", position: 3, eta_s: 60 }).detail, "position 3 in the queue · 1 min 00 s left");
  assert.equal(describe({ ...running, status: "failed", error: { message: "no memory" } }).detail, "No memory");
});

class FakeStorage extends Map {
  get length() { return this.size; }
  key(index) { return [...this.keys()][index] ?? null; }
  getItem(name) { return this.get(name) ?? null; }
  setItem(name, value) { this.set(name, value); }
  removeItem(name) { this.delete(name); }
}

test("memory keeps the thirty newest jobs and survives broken entries", () => {
  const local = new FakeStorage();
  let now = 0;
  const memory = new Memory({ local, session: null, now: () => (now += 1) });
  for (let n = 1; n <= 31; n += 1) memory.keepJob(`job${n}`, { key: `k${n}` });
  assert.equal(memory.job("job1"), null);
  assert.equal(memory.job("job31").key, "k31");
  local.setItem("duostyle:job:bad", "{oops");
  assert.equal(memory.job("bad"), null);
  assert.equal(memory.draft, null);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { newJob } from "../../../static/js/net/job.js";
import { describe, share } from "../../../static/js/panels/statusline.js";

test("the status line says what matters", () => {
  const running = { ...newJob("j"), status: "running", elapsed_s: 9.6, step: 34, total_steps: 120, level: 2, levels: 4, width: 256, height: 192, eta_s: 13.2 };
  assert.deepEqual(describe(running), { head: "Painting", detail: "step 34 of 120 · level 2 of 4 · 256 × 192 px · 9 s so far · 14 s left" });
  assert.equal(share({ ...running, step: 30 }), 0.25);
  assert.equal(describe({ ...running, status: "queued", position: 3, eta_s: 60 }).detail, "position 3 in the queue · 1 min 00 s left");
  assert.equal(describe({ ...running, status: "failed", error: { message: "no memory" } }).detail, "No memory.");
});

test("time runs on between messages, but not below nothing", () => {
  const running = { ...newJob("j"), status: "running", step: 1, total_steps: 2, elapsed_s: 10, eta_s: 5 };
  assert.equal(describe(running, 3).detail, "step 1 of 2 · 13 s so far · 2 s left");
  assert.equal(describe(running, 60).detail, "step 1 of 2 · 1 min 10 s so far · less than a second left");
  assert.equal(describe({ ...running, status: "paused" }, 60).detail, "step 1 of 2");
});

test("a job that waits again after a restart says why", () => {
  const waiting = { ...newJob("j"), status: "queued", position: 1, restarted: true };
  assert.match(describe(waiting).detail, /^The server was restarted .* position 1 in the queue$/);
});

test("a job that the server cannot paint says why it waits", () => {
  const waiting = { ...newJob("j"), status: "queued", position: 1, restarted: true, error: { code: "device_unavailable", message: "the GPU is gone" } };
  assert.deepEqual(describe(waiting), { head: "Waiting", detail: "The GPU is gone · the job waits until the server's operator has fixed this" });
});

test("a painting that went on from a checkpoint says so, for a while", () => {
  const running = { ...newJob("j"), status: "running", step: 45, total_steps: 90, elapsed_s: 10, resumed_from_step: 40 };
  assert.match(describe(running).detail, /^continued from step 40 after a restart · step 45 of 90/);
  assert.match(describe({ ...running, step: 61 }).detail, /^step 61 of 90/);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { newJob } from "../../static/js/job.js";
import { describe, share } from "../../static/js/status.js";

test("the status line says what matters", () => {
  const running = { ...newJob("j"), status: "running", step: 34, total_steps: 120, level: 2, levels: 4, width: 256, height: 192, eta_s: 13.2 };
  assert.deepEqual(describe(running), { head: "Painting", detail: "step 34 of 120 · level 2 of 4 · 256 × 192 px · 14 s left" });
  assert.equal(share({ ...running, step: 30 }), 0.25);
  assert.equal(describe({ ...running, status: "queued", position: 3, eta_s: 60 }).detail, "position 3 in the queue · 1 min 00 s left");
  assert.equal(describe({ ...running, status: "failed", error: { message: "no memory" } }).detail, "No memory");
});

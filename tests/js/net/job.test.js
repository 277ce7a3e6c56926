import assert from "node:assert/strict";
import { test } from "node:test";

import { newJob, reduce } from "../../../static/js/net/job.js";

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

test("why a queued job cannot be painted comes with its place and its state, and goes with the next", () => {
  const error = { code: "weights_unavailable", message: "the weights are damaged" };
  const held = reduce(newJob("j"), { type: "queued", job: "j", position: 1, eta_s: null, error });
  assert.deepEqual([held.status, held.error], ["queued", error]);
  assert.deepEqual(reduce(newJob("j"), { type: "state", job: "j", status: "queued", position: 1, error }).error, error);
  assert.equal(reduce(held, { type: "queued", job: "j", position: 1, eta_s: null }).error, null);
});

test("what was asked and measured comes with the state, and the measured share with the end", () => {
  const asked = reduce(newJob("j"), { type: "state", job: "j", status: "running", content: "c", styles: ["a", "b"], report: null });
  assert.deepEqual([asked.content, asked.styles, asked.report], ["c", ["a", "b"], null]);
  const report = { share: [0.46, 0.54], evaluations: 9 };
  assert.deepEqual(reduce(asked, { type: "completed", job: "j", seq: 9, elapsed_s: 1, report }).report, report);
});

test("a running job that is queued again was hit by a restart, until it makes a step", () => {
  const running = reduce(newJob("j"), { type: "started", job: "j" });
  const again = reduce(running, { type: "state", job: "j", status: "queued" });
  assert.equal(again.restarted, true);
  assert.equal(reduce(again, { ...progress, seq: 9 }).restarted, false);
  assert.equal(reduce(newJob("j"), { type: "state", job: "j", status: "queued" }).restarted, false);
});

test("where a job went on after a restart comes with its start and its state", () => {
  const started = reduce(newJob("j"), { type: "started", job: "j", resumed_from_step: 40 });
  assert.equal(started.resumed_from_step, 40);
  assert.equal(reduce(started, { type: "state", job: "j", status: "running" }).resumed_from_step, null);
});

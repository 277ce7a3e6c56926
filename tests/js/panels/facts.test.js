import assert from "node:assert/strict";
import { test } from "node:test";

import { facts } from "../../../static/js/panels/facts.js";

const now = {
  server: "0.1.0",
  device: "cpu",
  precision: "bfloat16",
  ready: true,
  jobs: { waiting: 2, running: 1, paused: 0, max_queue: 64 },
  ended: { completed: 5, cancelled: 1, failed: 0 },
  measured: { steps: 30, seconds: 4.5 },
  watchers: 3,
  sockets: 2,
};

test("the time of a step is that of the last seconds, else that of all", () => {
  assert.equal(facts(now).step, "150 ms");
  assert.equal(facts(now, { ...now, measured: { steps: 20, seconds: 1.5 } }).step, "300 ms");
  assert.equal(facts(now, now).step, "150 ms");
  assert.equal(facts({ ...now, measured: { steps: 2, seconds: 5 } }).step, "2.5 s");
  assert.equal(facts({ ...now, measured: { steps: 0, seconds: 0 } }).step, "none yet");
  // restarted: fewer than before
  assert.equal(facts(now, { ...now, measured: { steps: 900, seconds: 9 } }).step, "150 ms");
});

test("the device is named with its precision once both are known", () => {
  assert.equal(facts(now).device, "cpu, bfloat16");
  assert.equal(facts({ ...now, device: "loading", precision: "loading" }).device, "loading");
});

test("every fact is a text", () => {
  const told = facts({ ...now, ready: false });
  assert.equal(told.state, "not ready");
  assert.equal(told.waiting, "2 of at most 64");
  assert.ok(Object.values(told).every((value) => typeof value === "string" && value !== ""));
});

// One at a time, and the newest wish is always done.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Latest } from "../../../static/js/lib/latest.js";

test("wishes during the task are done once, after it", async () => {
  const started = [];
  const gates = [];
  const latest = new Latest(() => {
    started.push(started.length);
    return new Promise((resolve) => gates.push(resolve));
  });
  latest.run();
  latest.run();
  latest.run();
  assert.deepEqual(started, [0]);
  gates[0]();
  await new Promise(setImmediate);
  assert.deepEqual(started, [0, 1]);
  let idle = false;
  const waiting = latest.idle().then(() => (idle = true));
  await new Promise(setImmediate);
  assert.equal(idle, false);
  gates[1]();
  await waiting;
  await latest.idle();
  assert.deepEqual(started, [0, 1]);
  latest.run();
  assert.deepEqual(started, [0, 1, 2]);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { Memory } from "../../../static/js/lib/memory.js";
import { FakeStorage } from "../support/browser.js";

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

test("what is told of a job is added to what is known, and the newest job comes first", () => {
  let now = 0;
  const memory = new Memory({ local: new FakeStorage(), session: null, now: () => (now += 1) });
  memory.keepJob("a", { key: "k", status: "queued" });
  memory.keepJob("b", { key: "l" });
  memory.keepJob("a", { status: "running" });
  assert.deepEqual(memory.job("a"), { key: "k", status: "running", saved: 1 });
  assert.deepEqual(memory.jobs.map((record) => record.id), ["b", "a"]);
  assert.equal(memory.isJob("duostyle:job:a"), true);
  assert.equal(memory.isJob("duostyle:theme"), false);
});

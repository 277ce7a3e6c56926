// Which tools the page offers for the job on view.

import assert from "node:assert/strict";
import { test } from "node:test";

import { newJob } from "../../../static/js/net/job.js";
import { possibleTools } from "../../../static/js/panels/tools.js";

test("each state of a job has its tools", () => {
  const names = (fields, now) => {
    const job = fields && { ...newJob("j", "k"), ...fields };
    return [...possibleTools(job, { mine: true, steerable: true, painted: true, canCompare: false, hasTimelapse: false, ...now })].join(" ");
  };
  assert.equal(names(null, { mine: false, painted: false }), "");
  assert.equal(names({ status: "unknown" }), "");
  assert.equal(names({ status: "queued" }, { painted: false }), "more new share");
  assert.equal(names({ status: "running" }, { canCompare: true }), "compare more new share");
  assert.equal(names({ status: "paused" }, { mine: false }), "share");
  assert.equal(names({ status: "running" }, { steerable: false }), "new share");
  assert.equal(names({ status: "completed" }), "more reuse copy download share delete");
  assert.equal(names({ status: "completed" }, { hasTimelapse: true, mine: false }), "timelapse reuse copy download share");
  // without a picture there is nothing to take home
  assert.equal(names({ status: "completed" }, { painted: false }), "share delete");
  assert.equal(names({ status: "cancelled", step: 0 }), "share delete");
  assert.equal(names({ status: "cancelled", step: 4 }), "more reuse copy download share delete");
});

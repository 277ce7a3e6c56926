import assert from "node:assert/strict";
import { test } from "node:test";

import { advised } from "../../../static/js/net/api.js";

test("an error is a sentence, with what to do where there is something to do", () => {
  assert.equal(advised({ code: "queue_full", message: "the queue is full" }), "The queue is full. Try again in a few minutes.");
  assert.equal(advised({ code: "made_up", message: "Really?" }), "Really?");
  assert.equal(advised({ message: "no such job" }), "No such job.");
});

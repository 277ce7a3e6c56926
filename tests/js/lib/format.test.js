import assert from "node:assert/strict";
import { test } from "node:test";

import { bytes, duration, measuredText, percent, sentence, short, timeLeft } from "../../../static/js/lib/format.js";

test("numbers read well", () => {
  assert.deepEqual([4.24, 48.4, 200, 3900].map(duration), ["4.2 s", "48 s", "3 min 20 s", "1 h 05 min"]);
  assert.deepEqual([0.4, 4.2, 61].map(timeLeft), ["less than a second left", "5 s left", "1 min 01 s left"]);
  assert.equal(timeLeft(NaN), "");
  assert.deepEqual([950, 2048, 32 * 2 ** 20, 500 * 2 ** 20].map(bytes), ["950 bytes", "2 KB", "32 MB", "500 MB"]);
  assert.deepEqual([0, 0.01234, 1.449, 120.4].map(short), ["0", "0.0123", "1.45", "120"]);
  assert.equal(percent(0.256), "26 %");
  assert.equal(sentence(" no such job"), "No such job");
});

test("the measured share is told when there is one for every style", () => {
  assert.equal(measuredText([0.458, 0.542], 2), "measured share 46 % / 54 %");
  for (const share of [null, [1], [0.5, null]]) assert.equal(measuredText(share, 2), "");
});

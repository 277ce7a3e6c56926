import assert from "node:assert/strict";
import { test } from "node:test";

import { WHOLE, panBy, settle, shareOfPicture, zoomAt } from "../../../static/js/easel/zoom.js";

test("the point under the pointer stays where it is", () => {
  const view = zoomAt(WHOLE, 2, 30, 40, 100, 80);
  assert.deepEqual(view, { scale: 2, x: -30, y: -40 });
  // the picture's point 30, 40 now lies at 2 * 30 - 30 = 30
  assert.deepEqual(zoomAt(view, 0.5, 30, 40, 100, 80), { scale: 1, x: 0, y: 0 });
});

test("the picture always covers its frame", () => {
  assert.deepEqual(settle({ scale: 0.3, x: 5, y: -5 }, 100, 80), { scale: 1, x: 0, y: 0 });
  assert.deepEqual(panBy({ scale: 2, x: -30, y: -40 }, 500, -500, 100, 80), { scale: 2, x: 0, y: -80 });
  assert.equal(zoomAt(WHOLE, 100, 0, 0, 100, 80).scale, 8);
});

test("the compare line finds its place on the enlarged picture", () => {
  assert.equal(shareOfPicture(WHOLE, 0.25, 200), 0.25);
  // the frame shows the right half of the picture: its middle is at three quarters
  assert.equal(shareOfPicture({ scale: 2, x: -200, y: 0 }, 0.5, 200), 0.75);
});

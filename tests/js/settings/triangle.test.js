// Shares and points of the triangle, by hand.

import assert from "node:assert/strict";
import { test } from "node:test";

import { toPoint, toShares } from "../../../static/js/settings/triangle.js";

const near = (got, wanted) => got.forEach((value, index) => assert.ok(Math.abs(value - wanted[index]) < 1e-9, `${got}`));

test("corners, edges and the middle", () => {
  assert.deepEqual(toPoint([1, 0, 0]), { x: 0.5, y: 0 });
  assert.deepEqual(toPoint([0, 0, 1]), { x: 1, y: 1 });
  assert.deepEqual(toPoint([0, 0.5, 0.5]), { x: 0.5, y: 1 });
  near(toShares({ x: 0.5, y: 2 / 3 }), [1 / 3, 1 / 3, 1 / 3]);
  near(toShares({ x: 0, y: 1 }), [0, 1, 0]);
});

test("a way there and back", () => {
  for (const shares of [[0.2, 0.3, 0.5], [0.7, 0.1, 0.2]]) near(toShares(toPoint(shares)), shares);
});

test("outside of the triangle no share is below nothing and they still add up", () => {
  for (const point of [{ x: -1, y: 0.5 }, { x: 3, y: 3 }, { x: 0.5, y: -2 }]) {
    const shares = toShares(point);
    assert.ok(shares.every((share) => share >= 0));
    assert.ok(Math.abs(shares[0] + shares[1] + shares[2] - 1) < 1e-9);
  }
  near(toShares({ x: 0.5, y: -2 }), [1, 0, 0]);
});

// The PNG of a mask, read back by hand: signature, header, checksums, rows.

import assert from "node:assert/strict";
import { test } from "node:test";

import { inflateSync } from "node:zlib";

import { crc, greyPng } from "../../../static/js/masks/png.js";

test("the checksum is the one of PNG", () => {
  assert.equal(crc(new TextEncoder().encode("123456789")), 0xcbf43926);
  assert.equal(crc(new TextEncoder().encode("IEND")), 0xae426082);
});

test("a PNG holds one grey byte per pixel", async () => {
  const png = Buffer.from(await greyPng(3, 2, new Uint8Array([0, 128, 255, 1, 2, 3])));
  assert.deepEqual([...png.subarray(0, 8)], [137, 80, 78, 71, 13, 10, 26, 10]);
  assert.equal(png.toString("latin1", 12, 16), "IHDR");
  assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [3, 2]);
  assert.deepEqual([...png.subarray(24, 29)], [8, 0, 0, 0, 0]);
  const length = png.readUInt32BE(33);
  assert.equal(png.toString("latin1", 37, 41), "IDAT");
  assert.deepEqual([...inflateSync(png.subarray(41, 41 + length))], [0, 0, 128, 255, 0, 1, 2, 3]);
  assert.equal(png.readUInt32BE(41 + length), crc(png.subarray(37, 41 + length)));
  assert.equal(png.toString("latin1", png.length - 8, png.length - 4), "IEND");
});

test("values that do not fill the picture are refused", async () => {
  await assert.rejects(greyPng(2, 2, new Uint8Array(3)), RangeError);
});

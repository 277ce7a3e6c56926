import assert from "node:assert/strict";
import { test } from "node:test";

import { changed, commandLine, fileName, fileNames, quoted } from "../../../static/js/panels/command.js";

test("titles become file names that need no quotes", () => {
  assert.equal(fileName("Night of whirls", "x"), "night-of-whirls.jpg");
  assert.equal(fileName("Café: près de l'eau!", "x"), "cafe-pres-de-l-eau.jpg");
  assert.equal(fileName("", "style-a"), "style-a.jpg");
  assert.equal(fileName("写真", "content"), "content.jpg");
  assert.deepEqual(fileNames(["A", "B", "A"], ["c", "d", "e"]), ["a.jpg", "b.jpg", "a-3.jpg"]);
});

test("only what differs from the server's own is told", () => {
  const rows = [
    { name: "size", default: 512 },
    { name: "style_mix", default: null },
    { name: "masks", default: null },
    { name: "style_layer_weights", default: null },
    { name: "seed", default: 0 },
  ];
  const params = { size: 512, style_mix: [0.25, 0.75], masks: ["sha256:1", null], style_layer_weights: { relu1_1: 2 }, seed: 0, other: 1 };
  assert.deepEqual(changed(params, rows), [
    ["style_mix", "0.25,0.75"],
    ["masks", "mask-1.png,-"],
    ["style_layer_weights", "relu1_1=2"],
  ]);
  assert.deepEqual(changed({ masks: "auto" }, rows), [["masks", "auto"]]);
});

test("a shell reads the command as it was meant", () => {
  assert.equal(quoted("it's"), "'it'\\''s'");
  assert.equal(quoted("a.jpg"), "a.jpg");
  const line = commandLine({ content: "a.jpg", styles: ["b.jpg", "c d.jpg"], params: [["style_weight", "35"]] });
  assert.equal(line, "duostyle paint a.jpg --style b.jpg --style 'c d.jpg' -o painting.png --style-weight 35");
});

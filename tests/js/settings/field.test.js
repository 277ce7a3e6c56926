// From the place of a slider to the value that is sent, and back.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Field } from "../../../static/js/settings/field.js";
import { FakeElement } from "../support/browser.js";

/** A field of this kind with one input; `moved` collects the values that a person set. */
function field(kind, data = {}, input = {}) {
  const parts = { input: new FakeElement({ type: "range", min: "0", max: "1000", isConnected: true, ...input }), output: new FakeElement() };
  const element = new FakeElement({ dataset: { param: "p", kind, ...data } }, { "input, select": [parts.input], output: parts.output, "option, input[type=radio]": [] });
  const made = new Field(element);
  const moved = [];
  made.on("change", () => moved.push(made.value));
  return { made, moved, ...parts };
}

test("a logarithmic slider has its middle at the geometric mean", () => {
  const { made, moved, input, output } = field("log", { min: "1", max: "200" });
  made.describe({ schema: { minimum: 0, maximum: 100 }, default: 20, live: true }, 512);
  // the server takes less than the page would offer
  input.enter("1000");
  input.enter("0");
  input.enter("500");
  assert.deepEqual(moved, [100, 1, 10]);
  assert.deepEqual([output.textContent, input.attributes["aria-valuetext"], input.properties["--fill"]], ["10", "10", "0.5"]);
  made.value = 100;
  assert.deepEqual([input.value, moved.length, made.isDefault], ["1000", 3, false]);
  made.value = made.fallback;
  assert.deepEqual([made.isDefault, made.live], [true, true]);
});

test("a share is shown in percent, and nothing of it as off", () => {
  const { made, moved, input, output } = field("percent", {}, { max: "100" });
  made.value = 0;
  assert.equal(output.textContent, "off");
  input.enter("40");
  assert.deepEqual([moved, output.textContent], [[0.4], "40 %"]);
});

test("sizes end at what the server paints", () => {
  const { made, moved, input, output } = field("steps", {}, { max: "1" });
  made.describe({ schema: { minimum: 16, maximum: 4096 }, default: 512 }, 320);
  assert.deepEqual([made.value, input.max], [320, "3"]);
  input.enter("0");
  assert.deepEqual([moved, output.textContent], [[128], "128 px"]);
  made.value = 1000;
  assert.deepEqual([made.value, input.value], [320, "3"]);
});

test("a number that is left out is the server's own", () => {
  const { made, moved, input } = field("optional", {}, { type: "number" });
  made.describe({ schema: { anyOf: [{ minimum: 1, maximum: 5000 }, { type: "null" }] }, default: null }, 512);
  assert.deepEqual([input.min, input.max, input.value], ["1", "5000", ""]);
  input.enter("80");
  input.enter("");
  assert.deepEqual([moved, made.isDefault], [[80, null], true]);
});

// Which buttons show when, and what their keys do.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Actions } from "../../../static/js/panels/actions.js";
import { FakeElement, installBrowser } from "../support/browser.js";

const IDLE = { active: false, mine: false, steerable: false, launching: false, paused: false, ended: false, ready: true };
const RUNNING = { ...IDLE, active: true, mine: true, steerable: true };

let form;
let actions;
let heard;
const [launch, pause, stop, hint] = ["#launch", "#pause", "#stop", "#hint"];

beforeEach(() => {
  installBrowser();
  form = new FakeElement({}, Object.fromEntries([launch, pause, stop, hint].map((name) => [name, new FakeElement()])));
  actions = new Actions(form);
  heard = [];
  for (const type of ["launch", "pause", "resume", "cancel"]) actions.on(type, () => heard.push(type));
});

const part = (name) => form.parts[name];
const shown = () => [launch, pause, stop].filter((name) => !part(name).hidden).map((name) => part(name).textContent || name);

function key(name, held = {}) {
  document.dispatchEvent(Object.assign(new Event("keydown", { cancelable: true }), { key: name, ...held }));
}

test("each state has its buttons", () => {
  actions.show(IDLE);
  assert.deepEqual(shown(), ["Launch"]);
  actions.show({ ...IDLE, launching: true });
  assert.deepEqual([shown(), part(launch).attributes["aria-disabled"]], [["Starting"], "true"]);
  actions.show(RUNNING);
  assert.deepEqual(shown(), ["Pause", stop]);
  actions.show({ ...RUNNING, paused: true });
  assert.deepEqual(shown(), ["Resume", stop]);
  // without WebSockets
  actions.show({ ...RUNNING, steerable: false });
  assert.deepEqual([shown(), part(hint).textContent], [[stop], "Without WebSockets it can be stopped, but not paused or changed, while it paints."]);
  actions.show({ ...RUNNING, mine: false, steerable: false });
  assert.deepEqual(shown(), []);
  actions.show({ ...IDLE, ended: true, mine: true });
  assert.deepEqual([shown(), part(launch).attributes["aria-disabled"]], [["Launch again"], "false"]);
});

test("pause and resume are one button", () => {
  actions.show(RUNNING);
  part(pause).press();
  actions.show({ ...RUNNING, paused: true });
  part(pause).press();
  part(stop).press();
  form.dispatchEvent(new Event("submit", { cancelable: true }));
  assert.deepEqual(heard, ["pause", "resume", "cancel", "launch"]);
});

test("Ctrl and Enter launch, Escape stops only what is one's own", () => {
  actions.show(IDLE);
  key("Escape");
  key("Enter");
  key("Enter", { ctrlKey: true });
  actions.show({ ...RUNNING, mine: false });
  key("Escape");
  actions.show(RUNNING);
  key("Escape");
  assert.deepEqual(heard, ["launch", "cancel"]);
});

test("the focus goes on to the button that takes the place", () => {
  actions.show(IDLE);
  part(launch).focus();
  actions.show(RUNNING);
  assert.equal(document.activeElement, part(pause));
  actions.show({ ...IDLE, ended: true });
  assert.equal(document.activeElement, part(launch));
});

test("an applied change is said for four seconds, and no longer than the painting", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  actions.show(RUNNING);
  const usual = part(hint).textContent;
  actions.showApplied();
  const applied = part(hint).textContent;
  assert.notEqual(applied, usual);
  context.mock.timers.tick(3999);
  actions.show(RUNNING);
  assert.equal(part(hint).textContent, applied);
  context.mock.timers.tick(1);
  assert.equal(part(hint).textContent, usual);
  actions.showApplied();
  actions.show({ ...IDLE, ended: true });
  assert.notEqual(part(hint).textContent, applied);
});

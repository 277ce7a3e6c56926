// The note that says that the page's script is missing. Time, errors and storage are the test's.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { FakeElement, FakeStorage, installBrowser } from "../support/browser.js";

const SCRIPT = { localName: "script" };
let note;
let reloads;
let loads = 0;
let position;

beforeEach((context) => {
  installBrowser();
  context.mock.timers.enable({ apis: ["setTimeout"] });
  globalThis.sessionStorage = new FakeStorage();
  reloads = 0;
  position = "fixed";
  location.reload = () => (reloads += 1);
});

/** Load the page: its first script runs anew, and its note is the one in the markup. */
async function load() {
  const names = ["late", "missing", "broken", "detail", "again"];
  const parts = names.map((name) => [`[data-part=${name}]`, new FakeElement({ hidden: name !== "late" })]);
  note = new FakeElement({ isConnected: true }, Object.fromEntries(parts));
  note.shown = () => names.filter((name) => name !== "detail" && !note.parts[`[data-part=${name}]`].hidden);
  installBrowser();
  location.reload = () => (reloads += 1);
  document.getElementById = (id) => (id === "boot" ? note : null);
  globalThis.getComputedStyle = () => ({ position });
  loads += 1;
  await import(`../../../static/js/boot.js?${loads}`);
}

/** An error event of an element (a script, a sheet, a picture), or of the script itself with its message. */
function fail(target, message = "") {
  const event = Object.assign(new Event("error"), { message });
  Object.defineProperty(event, "target", { value: target ?? window });
  window.dispatchEvent(event);
}

test("a missing script is said at once, and the page loaded again after longer and longer waits", async (context) => {
  for (const wait of [2, 5, 10, 20, 20]) {
    await load();
    reloads = 0;
    fail(SCRIPT);
    assert.deepEqual([note.shown(), note.classes.has("shown")], [["missing", "again"], true]);
    // a second file that is missing does not shorten the wait
    fail(SCRIPT);
    context.mock.timers.tick(1000 * wait - 1);
    assert.equal(reloads, 0);
    context.mock.timers.tick(1);
    assert.equal(reloads, 1);
  }
  // it came: the next loss begins with a short wait
  await load();
  note.isConnected = false;
  window.dispatchEvent(new Event("load"));
  await load();
  reloads = 0;
  fail(SCRIPT);
  context.mock.timers.tick(2000);
  assert.equal(reloads, 1);
});

test("without its style sheet the page is loaded again, though its script runs", async (context) => {
  for (const wait of [2, 5]) {
    position = "static";
    await load();
    assert.deepEqual(note.shown(), ["missing", "again"]);
    note.isConnected = false;
    window.dispatchEvent(new Event("load"));
    reloads = 0;
    context.mock.timers.tick(1000 * wait - 1);
    assert.equal(reloads, 0);
    context.mock.timers.tick(1);
    assert.equal(reloads, 1);
  }
});

test("a picture that is missing, and what fails after the start, are none of its business", async (context) => {
  await load();
  fail({ localName: "img" });
  assert.deepEqual(note.shown(), ["late"]);
  note.isConnected = false;
  fail(window, "TypeError");
  fail(SCRIPT);
  context.mock.timers.tick(100_000);
  assert.deepEqual([note.shown(), reloads], [["late"], 0]);
});

test("a script that does not run is tried three times, and its error is shown", async (context) => {
  for (const again of [true, true, true, false]) {
    await load();
    reloads = 0;
    fail(null, "SyntaxError: no");
    assert.deepEqual(note.shown(), again ? ["broken", "again"] : ["broken"]);
    assert.equal(note.parts["[data-part=detail]"].textContent, "SyntaxError: no");
    context.mock.timers.tick(30_000);
    assert.equal(reloads, Number(again));
  }
});

test("a script that never ends to come is fetched again after a minute", async (context) => {
  await load();
  context.mock.timers.tick(59_999);
  assert.deepEqual([note.shown(), reloads], [["late"], 0]);
  context.mock.timers.tick(1);
  context.mock.timers.tick(2000);
  assert.deepEqual([note.shown(), reloads], [["late", "again"], 1]);
});

test("without storage it still tries again", async (context) => {
  Object.defineProperty(globalThis, "sessionStorage", { get: () => { throw new Error("blocked"); }, configurable: true });
  await load();
  fail(SCRIPT);
  context.mock.timers.tick(20_000);
  assert.equal(reloads, 1);
  Object.defineProperty(globalThis, "sessionStorage", { value: null, configurable: true, writable: true });
});

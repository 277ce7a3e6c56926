// The numbers of the status page as texts. Pure.

import { duration } from "../lib/format.js";
import { text } from "../lib/texts.js";

const words = text.operator;

/** Texts by the names in status.html for what /api/status says now, and said before (or null). */
export function facts(now, before = /** @type {any} */ (null)) {
  return {
    state: now.ready ? words.ready : words.notReady,
    // both are "loading" until the engine has loaded
    device: [...new Set([now.device, now.precision])].join(", "),
    version: now.server,
    running: String(now.jobs.running),
    waiting: words.of(now.jobs.waiting, now.jobs.max_queue),
    paused: String(now.jobs.paused),
    step: stepTime(now.measured, before?.measured ?? null),
    watchers: String(now.watchers),
    sockets: String(now.sockets),
    completed: String(now.ended.completed),
    cancelled: String(now.ended.cancelled),
    failed: String(now.ended.failed),
  };
}

// of the last seconds if there were steps, else of all; a restarted server counts from 0 again
function stepTime(now, before) {
  const recent = before && now.steps > before.steps;
  const count = recent ? now.steps - before.steps : now.steps;
  const seconds = recent ? now.seconds - before.seconds : now.seconds;
  if (count < 1) return words.none;
  const each = seconds / count;
  return each < 1 ? words.milliseconds(1000 * each) : duration(each);
}

// The status line and bar of a job, in words; screen readers hear changes of state, not every step.

import { advised } from "../net/problems.js";
import { make } from "../lib/elements.js";
import { duration, sentence, timeLeft, wholeSeconds } from "../lib/format.js";
import { ACTIVE } from "../net/protocol.js";
import { text } from "../lib/texts.js";

const ANNOUNCE_EVERY_MS = 15000;
const TICK_MS = 1000;
const RESUMED_FOR_STEPS = 20;
const words = text.status;

/**
 * {head, detail} for a job (see job.js), `passed_s` seconds after its last message: time runs on between messages. Pure.
 */
export function describe(job, passedS = 0) {
  const size = job.width && job.height ? words.size(job.width, job.height) : "";
  const step = job.total_steps ? words.step(job.step, job.total_steps) : "";
  const level = job.levels > 1 && job.level ? words.level(job.level, job.levels) : "";
  const left = Number.isFinite(job.eta_s) ? timeLeft(Math.max(0, job.eta_s - passedS)) : "";
  switch (job.status) {
    case "queued": {
      if (job.error) return { head: words.waiting, detail: join(sentence(job.error.message), words.untilFixed) };
      const place = job.position > 0 ? words.position(job.position) : words.next;
      return { head: words.waiting, detail: join(job.restarted ? words.restarted : "", place, left) };
    }
    case "running": {
      if (!job.step) return { head: words.starting, detail: job.restarted ? words.restarted : size };
      const elapsed = words.elapsed(wholeSeconds(job.elapsed_s + passedS));
      const resumed = job.resumed_from_step;
      // shown only for a while: soon it is a painting like any other
      const again = resumed && job.step <= resumed + RESUMED_FOR_STEPS ? words.resumed(resumed) : "";
      return { head: words.painting, detail: join(again, step, level, size, elapsed, left) };
    }
    case "paused":
      return { head: words.paused, detail: join(step, level, size) };
    case "completed":
      return { head: words.finished(duration(job.elapsed_s)), detail: join(size, step && words.steps(job.step)) };
    case "cancelled":
      if (!job.partial && !job.step) return { head: words.stopped, detail: words.beforeFirst };
      return { head: words.stopped, detail: join(job.step ? words.afterStep(job.step) : "", words.kept) };
    case "failed":
      return { head: words.failed, detail: advised(job.error ?? { message: words.noReason }) };
    default:
      return { head: words.opening, detail: "" };
  }
}

export function share(job) {
  if (job.status === "completed") return 1;
  return job.total_steps ? Math.min(1, job.step / job.total_steps) : 0;
}

function join(...parts) {
  return parts.filter(Boolean).join(" · ");
}

export class StatusLine {
  #element;
  #head;
  #detail;
  #bar;
  #announce;
  #announced = { head: "", at: 0 };
  /** @type {any} */
  #job = null;
  #since = 0;
  #timer = 0;
  #offline = false;

  /** `announce` is a live region that stays in the page while the line comes and goes. */
  constructor(element, announce) {
    this.#element = element;
    this.#head = element.querySelector(".status-head");
    this.#detail = element.querySelector(".status-detail");
    this.#bar = element.querySelector(".bar");
    this.#announce = announce;
  }

  /** A line without a job: kind is idle, note, launching or error. */
  say(kind, head, detail = "") {
    this.#leaveJob();
    this.#write(kind, head, detail, 0);
  }

  /** A job's line; `data-status` of the element is then the job's status, so that a script can wait for it. */
  show(job) {
    this.#job = job;
    this.#since = performance.now();
    this.#update();
    const ticking = job.status === "running" || (job.status === "queued" && Number.isFinite(job.eta_s));
    if (ticking) this.#timer ||= window.setInterval(() => this.#update(), TICK_MS);
    else this.#stopTicking();
  }

  /** The connection is lost (or back): an unfinished job's line then says so. */
  set offline(offline) {
    if (offline === this.#offline) return;
    this.#offline = offline;
    this.#since = performance.now();
    if (this.#job && ACTIVE.has(this.#job.status)) this.#update();
  }

  #update() {
    const job = this.#job;
    if (!job) return;
    const lost = this.#offline && ACTIVE.has(job.status);
    const passedS = (performance.now() - this.#since) / 1000;
    const { head, detail } = lost ? { head: words.offline, detail: words.offlineDetail } : describe(job, passedS);
    this.#element.classList.toggle("lost", lost);
    this.#write(job.status, head, detail, share(job));
  }

  #leaveJob() {
    this.#job = null;
    this.#element.classList.remove("lost");
    this.#stopTicking();
  }

  #stopTicking() {
    clearInterval(this.#timer);
    this.#timer = 0;
  }

  #write(status, head, detail, done) {
    this.#element.dataset.status = status;
    this.#head.textContent = head;
    this.#detail.replaceChildren(...pieces(detail));
    this.#bar.style.setProperty("--done", String(done));
    const now = performance.now();
    if (head === this.#announced.head && now - this.#announced.at < ANNOUNCE_EVERY_MS) return;
    this.#announced = { head, at: now };
    this.#announce.textContent = detail ? `${head}: ${detail}` : head;
  }
}

// lines break between the parts, not inside them
function pieces(detail) {
  const parts = detail.split(" · ");
  if (parts.length === 1) return parts;
  return parts.flatMap((part, index) => {
    const piece = make("span", {}, part);
    return index ? [" · ", piece] : [piece];
  });
}

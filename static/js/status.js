// The status line and bar of a job, in words; screen readers hear changes of state, not every step.

import { duration, sentence, timeLeft } from "./format.js";

const HEARD_EVERY_MS = 15000;

/** {head, detail} for a job (see job.js). Pure. */
export function describe(job) {
  const size = job.width && job.height ? `${job.width} × ${job.height} px` : "";
  const step = job.total_steps ? `step ${job.step} of ${job.total_steps}` : "";
  const level = job.levels > 1 && job.level ? `level ${job.level} of ${job.levels}` : "";
  switch (job.status) {
    case "queued": {
      const place = job.position > 0 ? `position ${job.position} in the queue` : "about to start";
      return { head: "Waiting", detail: join(place, Number.isFinite(job.eta_s) ? timeLeft(job.eta_s) : "") };
    }
    case "running":
      if (!job.step) return { head: "Starting", detail: size };
      return { head: "Painting", detail: join(step, level, size, timeLeft(job.eta_s ?? NaN)) };
    case "paused":
      return { head: "Paused", detail: join(step, level, size) };
    case "completed":
      return { head: `Finished in ${duration(job.elapsed_s)}`, detail: size };
    case "cancelled":
      if (!job.partial && !job.step) return { head: "Stopped", detail: "before the first step" };
      return { head: "Stopped", detail: join(job.step ? `after step ${job.step}` : "", "the picture so far is kept") };
    case "failed":
      return { head: "Failed", detail: sentence(job.error?.message ?? "The server did not say why.") };
    default:
      return { head: "Opening", detail: "" };
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
  #heard = { head: "", at: 0 };

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
    this.#write(kind, head, detail, 0);
  }

  /** A job's line; `data-status` of the element is then the job's status, so that a script can wait for it. */
  show(job) {
    const { head, detail } = describe(job);
    this.#write(job.status, head, detail, share(job));
  }

  #write(status, head, detail, done) {
    this.#element.dataset.status = status;
    this.#head.textContent = head;
    this.#detail.replaceChildren(...pieces(detail));
    this.#bar.style.setProperty("--done", String(done));
    const now = performance.now();
    if (head === this.#heard.head && now - this.#heard.at < HEARD_EVERY_MS) return;
    this.#heard = { head, at: now };
    this.#announce.textContent = detail ? `${head}: ${detail}` : head;
  }
}

// lines break between the parts, not inside them
function pieces(detail) {
  const parts = detail.split(" · ");
  if (parts.length === 1) return parts;
  return parts.flatMap((part, index) => {
    const piece = document.createElement("span");
    piece.textContent = part;
    return index ? [" · ", piece] : [piece];
  });
}

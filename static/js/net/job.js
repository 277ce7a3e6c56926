// What is known about one job, kept up to date from the messages about it. Pure: a value and one reducing function.

export function newJob(id, key = null) {
  return {
    id,
    key,
    status: "unknown",
    position: null,
    eta_s: null,
    step: 0,
    total_steps: 0,
    level: 0,
    levels: 0,
    width: 0,
    height: 0,
    costs: null,
    elapsed_s: 0,
    seq: 0,
    error: null,
    partial: false,
    params: null,
    content: null,
    styles: null,
    report: null,
    restarted: false,
    resumed_from_step: null,
  };
}

const PROGRESS = ["step", "total_steps", "level", "levels", "width", "height", "costs", "elapsed_s", "eta_s"];

// the last progress message may have been skipped, so the end repeats its fields
const END = [...PROGRESS, "report"];

function take(job, message, names) {
  const next = { ...job };
  for (const name of names) {
    if (message[name] !== undefined && message[name] !== null) next[name] = message[name];
  }
  return next;
}

/** The job after `message`; the same object when the message does not concern it. */
export function reduce(job, message) {
  if (message.job !== job.id) return job;
  const seq = Math.max(job.seq, Number(message.seq) || 0);
  switch (message.type) {
    case "state": {
      const next = take(job, message, [...PROGRESS, "status", "params", "seq", "content", "styles", "report"]);
      next.position = message.position ?? null;
      next.eta_s = message.eta_s ?? null;
      next.error = message.error ?? null;
      next.resumed_from_step = message.resumed_from_step ?? null;
      // a job that was being painted waits again: its server was restarted
      next.restarted = message.status === "queued" ? job.restarted || job.status === "running" : job.restarted;
      next.partial = message.partial ?? (message.status === "cancelled" && (message.step ?? 0) > 0);
      return next;
    }
    case "accepted":
    case "queued":
      return {
        ...job,
        status: message.type === "accepted" && job.status !== "unknown" ? job.status : "queued",
        position: message.position ?? null,
        eta_s: message.eta_s ?? null,
        error: message.error ?? null,
      };
    case "started":
      return {
        ...take(job, message, PROGRESS),
        status: "running",
        position: 0,
        resumed_from_step: message.resumed_from_step ?? null,
      };
    case "progress": {
      const status = job.status === "paused" ? "paused" : "running";
      return { ...take(job, message, PROGRESS), status, position: 0, seq, restarted: false };
    }
    case "paused":
      return { ...job, status: "paused", eta_s: null };
    case "resumed":
      return { ...job, status: job.step > 0 ? "running" : "queued" };
    case "updated":
      return { ...job, params: { ...job.params, ...message.params } };
    case "completed":
      return { ...take(job, message, END), status: "completed", eta_s: null, seq };
    case "failed":
      return { ...take(job, message, END), status: "failed", error: message.error ?? null, eta_s: null, seq };
    case "cancelled":
      return { ...take(job, message, END), status: "cancelled", partial: message.partial === true, eta_s: null, seq };
    default:
      return job;
  }
}

// What survives a reload: per job its key, pictures and settings; for a page without a job its draft.

const JOB = "duostyle:job:";
const DRAFT = "duostyle:draft";
const MOST_JOBS = 30;

/** Storage that may be full, blocked or broken: then nothing is remembered, and nothing fails. */
export class Memory {
  #local;
  #session;

  constructor({ local = storage("localStorage"), session = storage("sessionStorage"), now = Date.now } = {}) {
    this.#local = local;
    this.#session = session;
    this.now = now;
  }

  /**
   * Remember {key, content, styles, params, status, thumb} of a job, or some of these; what is not given stays.
   * The oldest jobs beyond 30 are forgotten.
   */
  keepJob(id, record) {
    const before = this.job(id);
    write(this.#local, JOB + id, { ...before, ...record, saved: before?.saved ?? this.now() });
    this.#prune();
  }

  /** All remembered jobs with their `id`, newest first. */
  get jobs() {
    const found = this.#names().map((name) => ({ id: name.slice(JOB.length), ...read(this.#local, name) }));
    return found.filter((record) => record.saved).sort((a, b) => b.saved - a.saved);
  }

  /** Whether a change of this storage key, made in another tab, concerns the jobs. */
  isJob(name) {
    return name === null || name.startsWith(JOB);
  }

  job(id) {
    return read(this.#local, JOB + id);
  }

  forgetJob(id) {
    this.#local?.removeItem(JOB + id);
  }

  keepDraft(record) {
    write(this.#session, DRAFT, record);
  }

  get draft() {
    return read(this.#session, DRAFT);
  }

  get token() {
    return this.#session?.getItem("duostyle:token") ?? null;
  }

  set token(token) {
    this.#session?.setItem("duostyle:token", token);
  }

  #prune() {
    const store = this.#local;
    const names = this.#names();
    if (!store || names.length <= MOST_JOBS) return;
    const age = (name) => read(store, name)?.saved ?? 0;
    names.sort((a, b) => age(a) - age(b));
    for (const name of names.slice(0, names.length - MOST_JOBS)) store.removeItem(name);
  }

  #names() {
    const store = this.#local;
    if (!store) return [];
    return Array.from({ length: store.length }, (_, index) => store.key(index) ?? "").filter((name) => name.startsWith(JOB));
  }
}

function storage(name) {
  try {
    return window[name];
  } catch {
    return null;
  }
}

function read(store, name) {
  try {
    return JSON.parse(store?.getItem(name) ?? "null");
  } catch {
    return null;
  }
}

function write(store, name, value) {
  try {
    store?.setItem(name, JSON.stringify(value));
  } catch {
    // full: the job continues, only a reload will restore less
  }
}

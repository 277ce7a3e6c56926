// The paintings of this browser: those that wait or are being painted as a list, those that ended as tiles.

import { Emitter } from "../lib/emitter.js";
import { percent } from "../lib/format.js";
import { ACTIVE } from "../net/protocol.js";
import { share } from "./statusline.js";
import { text } from "../lib/texts.js";

const words = text.paintings;

/** Events `open`, `stop` and `remove`, each with the id of a job. */
export class Paintings extends Emitter {
  #element;
  #api;
  #queue;
  #tiles;
  #templates;
  #rows = new Map();
  #key = "";

  constructor({ element, api, row, tile }) {
    super();
    this.#element = element;
    this.#api = api;
    this.#queue = element.querySelector(".queue");
    this.#tiles = element.querySelector(".paintings-tiles");
    this.#templates = { row, tile };
  }

  /** `records` as kept by memory.js, newest first; `current` is the id of the painting on view. */
  show(records, current) {
    // the one painting on view needs no list
    const active = records.filter((record) => ACTIVE.has(record.status));
    const queue = active.some((record) => record.id !== current) ? active : [];
    const ended = records.filter((record) => !ACTIVE.has(record.status) && record.status);
    const key = JSON.stringify([queue, ended, current].flat().map((record) => [record?.id ?? record, record?.status, Boolean(record?.thumb)]));
    this.#element.hidden = queue.length + ended.length === 0;
    if (key === this.#key) return;
    this.#key = key;
    this.#rows.clear();
    this.#queue.hidden = queue.length === 0;
    this.#element.querySelector(".paintings-ended").hidden = ended.length === 0;
    this.#queue.querySelector("ul").replaceChildren(...queue.toReversed().map((record) => this.#row(record, current)));
    this.#tiles.replaceChildren(...ended.map((record) => this.#tile(record, current)));
  }

  /** Bring the row of a waiting or running job up to date. */
  update(job) {
    const row = this.#rows.get(job.id);
    if (!row) return;
    row.querySelector(".queue-state").textContent = stateOf(job);
    row.querySelector("i").style.setProperty("--done", String(share(job)));
  }

  #row(record, current) {
    const item = this.#templates.row.content.firstElementChild.cloneNode(true);
    const [open, stop] = [item.querySelector(".queue-open"), item.querySelector(".queue-stop")];
    this.#picture(item.querySelector("img"), record);
    item.querySelector(".queue-title").textContent = titleOf(record);
    item.querySelector(".queue-state").textContent = stateOf(record);
    open.setAttribute("aria-current", String(record.id === current));
    stop.setAttribute("aria-label", words.stop(titleOf(record)));
    stop.hidden = !record.key;
    open.addEventListener("click", () => this.emit("open", record.id));
    stop.addEventListener("click", () => this.emit("stop", record.id));
    this.#rows.set(record.id, item);
    return item;
  }

  #tile(record, current) {
    const item = this.#templates.tile.content.firstElementChild.cloneNode(true);
    const [open, remove] = [item.querySelector(".paintings-open"), item.querySelector(".paintings-remove")];
    this.#picture(item.querySelector("img"), record);
    item.querySelector(".paintings-title").textContent = titleOf(record);
    item.querySelector(".paintings-when").textContent = whenOf(record);
    open.setAttribute("aria-current", String(record.id === current));
    remove.setAttribute("aria-label", words.remove(titleOf(record)));
    open.addEventListener("click", () => this.emit("open", record.id));
    remove.addEventListener("click", () => this.emit("remove", record.id));
    return item;
  }

  #picture(image, record) {
    const source = record.thumb ?? (record.content?.id && this.#api.imageUrl(record.content.id, 256));
    if (source) image.src = source;
  }
}

function titleOf(record) {
  const content = record.content?.title || words.yours;
  const styles = (record.styles ?? []).map((style) => style.title || words.style);
  return styles.length ? words.title(content, styles) : content;
}

function whenOf(record) {
  const when = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" }).format(record.saved);
  const ending = { cancelled: words.stopped, failed: words.failed }[record.status];
  return ending ? `${ending}, ${when}` : when;
}

function stateOf(job) {
  if (job.status === "queued") return job.position > 0 ? text.status.position(job.position) : words.waiting;
  if (job.status === "paused") return words.paused;
  return job.total_steps ? words.painting(percent(share(job))) : words.starting;
}

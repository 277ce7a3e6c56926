// Connects the parts: what a press, a message or a change in one of them means for the others.

import { copy, copyPicture } from "../lib/clipboard.js";
import { Entry } from "./entry.js";
import { Launcher } from "./launcher.js";
import { Library } from "./library.js";
import { makeParts } from "./parts.js";
import { ACTIVE } from "../net/protocol.js";
import { text } from "../lib/texts.js";
import { View } from "./view.js";

const MORE = 1.5;

export class App {
  #api;
  #memory;
  #parts;
  #launcher;
  #view;
  #library;
  #entry;

  constructor({ api, memory }) {
    this.#api = api;
    this.#memory = memory;
    this.#parts = makeParts({ api, frames: () => this.#frameOptions() });
    this.#launcher = new Launcher({ parts: this.#parts, memory });
    this.#view = new View({ api, parts: this.#parts, launcher: this.#launcher });
    this.#library = new Library({ api, memory, parts: this.#parts, view: this.#view });
    this.#entry = new Entry({ api, memory, parts: this.#parts });
    this.#listenToChoices();
    this.#listenToServer();
    this.#listenToTools();
  }

  /** Load limits and gallery, connect, and open the job of the address or the draft of this tab. */
  async start(jobId) {
    const { session, status } = this.#parts;
    if (jobId) session.open(jobId, this.#memory.job(jobId)?.key ?? null);
    // without the server's token there is nothing to show but what the entry said
    if (!(await this.#entry.enter())) return;
    const kept = jobId ? this.#memory.job(jobId) : this.#memory.draft;
    const sample = jobId ? null : this.#parts.gallery.sample;
    if (kept || !jobId) this.#view.restore(kept ?? sample ?? {});
    this.#parts.welcome.hidden = Boolean(kept) || sample === null;
    if (jobId) this.#view.job({ type: "state" });
    else status.say("idle", "");
    this.#library.refresh();
    this.#view.refresh();
  }

  #frameOptions() {
    const limits = this.#api.limits;
    return { max_px: Math.min(this.#parts.stage.pixels, limits.max_frame_px ?? 512), quality: 85, window: 1 };
  }

  #listenToChoices() {
    const { session, slots, gallery, controls, masks, status, actions, choose, example, welcome, easel } = this.#parts;
    actions.addEventListener("launch", () => this.#launcher.launch());
    actions.addEventListener("stop", () => session.cancel());
    actions.addEventListener("pause", () => session.pause());
    actions.addEventListener("resume", () => session.resume());
    choose.addEventListener("click", () => slots.content.choose());
    example.addEventListener("click", () => slots.restore(gallery.sample));
    welcome.querySelector("button").addEventListener("click", () => slots.content.choose());
    easel.addEventListener("drop", (event) => slots.takeContent(event));
    slots.addEventListener("change", () => {
      welcome.hidden = true;
      this.#view.pictures();
      this.#keep();
    });
    gallery.addEventListener("pick", ({ detail }) => slots.pick(detail.kind, detail.image));
    controls.addEventListener("change", ({ detail }) => {
      if (controls.isLive(detail.name)) session.change(detail.name, controls.value(detail.name));
      this.#keep();
    });
    masks.addEventListener("problem", ({ detail }) => status.say("error", text.masks.failed, detail.error.message));
    this.#launcher.addEventListener("busy", () => this.#view.refresh());
    this.#launcher.addEventListener("launched", () => {
      welcome.hidden = true;
      this.#view.begin();
      this.#parts.stage.reveal();
      this.#jobChanged();
      this.#library.refresh();
    });
  }

  #listenToServer() {
    const { socket, session, status, stage, connection } = this.#parts;
    socket.addEventListener("status", ({ detail }) => {
      connection.show(detail);
      status.offline = detail.state !== "open";
    });
    socket.addEventListener("hello", ({ detail }) => {
      connection.device = detail.device;
    });
    session.addEventListener("job", ({ detail }) => this.#jobChanged(detail.message));
    session.addEventListener("frame", ({ detail }) => stage.painter.push(detail));
    session.addEventListener("problem", ({ detail }) => status.say("error", text.refused, detail.error.message));
    session.addEventListener("missing", ({ detail }) => {
      if (detail.error.code === "not_found") this.#memory.forgetJob(detail.id);
      this.#view.missing(detail.error);
      this.#library.refresh();
    });
    stage.addEventListener("frame-done", ({ detail }) => session.ack(detail.header));
    stage.addEventListener("drawn", () => this.#view.refresh());
  }

  #listenToTools() {
    const { session, stage, tools, timelapse } = this.#parts;
    tools.addEventListener("compare", () => {
      stage.compare(!stage.comparing);
      if (stage.comparing) stage.focusCompare();
      this.#view.refresh();
    });
    tools.addEventListener("timelapse", () => {
      if (timelapse.shown) timelapse.close();
      else timelapse.open();
      this.#view.refresh();
    });
    timelapse.addEventListener("picture", ({ detail }) => stage.painter.show(detail.blob));
    timelapse.addEventListener("leave", () => this.#view.showResult());
    tools.addEventListener("more", () => this.#more());
    tools.addEventListener("new", () => {
      this.#view.startAnew();
      this.#library.refresh();
      this.#parts.slots.content.focus();
    });
    tools.addEventListener("delete", () => this.#library.remove(session.job.id));
    tools.addEventListener("reuse", () => this.#reuse());
    tools.addEventListener("copy", async () => {
      const done = await copyPicture(this.#api.blob(this.#resultUrl()));
      tools.confirm("copy", done ? text.copied : text.notCopied);
    });
    tools.addEventListener("share", async () => {
      const done = await copy(this.#api.shareUrl(session.job.id));
      tools.confirm("share", done ? text.copied : text.copyAddress);
    });
  }

  #jobChanged(message = null) {
    this.#view.job(message);
    this.#library.seen();
  }

  // while it paints, its end moves; afterwards the same is painted again with more steps
  async #more() {
    const { session, controls, status } = this.#parts;
    const { job } = session;
    const steps = Math.min(controls.limit("iterations"), Math.ceil(job.total_steps * MORE));
    controls.set("iterations", steps);
    if (ACTIVE.has(job.status)) session.change("iterations", steps);
    else await this.#launcher.launch();
    if (session.job?.id === job.id && !ACTIVE.has(job.status)) status.show(session.job);
    this.#keep();
  }

  async #reuse() {
    const { session, slots, tools, status } = this.#parts;
    const { job } = session;
    try {
      const blob = await this.#api.blob(this.#resultUrl());
      if (session.job?.id !== job.id) return;
      await slots.content.upload(new File([blob], text.painting, { type: "image/png" }));
    } catch (error) {
      status.say("error", text.notPossible, error.message);
      tools.confirm("reuse", text.failed);
    }
  }

  #resultUrl() {
    const { job } = this.#parts.session;
    return this.#api.resultUrl(job.id, "png", { partial: job.status !== "completed" });
  }

  #keep() {
    const { session } = this.#parts;
    if (this.#view.restoring) return;
    const inputs = this.#launcher.inputs;
    this.#memory.keepDraft(inputs);
    if (session.active && session.mine) this.#memory.keepJob(session.job.id, inputs);
  }
}

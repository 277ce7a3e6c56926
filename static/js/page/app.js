// Connects the parts: what a press, a message or a change in one of them means for the others.

import { copy, copyPicture } from "../lib/clipboard.js";
import { Launcher } from "./launcher.js";
import { OwnJobs } from "./ownjobs.js";
import { Preview } from "./preview.js";
import { ACTIVE } from "../net/protocol.js";
import { Startup } from "./startup.js";
import { text } from "../lib/texts.js";
import { View } from "./view.js";

const MORE = 1.5;

export class App {
  #api;
  #memory;
  #parts;
  #launcher;
  #view;
  #ownJobs;
  #preview;
  #startup;

  /** `parts` as in parts.js. */
  constructor({ api, memory, parts }) {
    this.#api = api;
    this.#memory = memory;
    this.#parts = parts;
    this.#launcher = new Launcher({ parts, memory });
    this.#view = new View({ api, parts, launcher: this.#launcher });
    this.#ownJobs = new OwnJobs({ api, memory, parts, view: this.#view });
    this.#preview = new Preview({ parts, launcher: this.#launcher });
    this.#startup = new Startup({ api, memory, parts });
    this.#listenToChoices();
    this.#listenToServer();
    this.#listenToTools();
  }

  /** Load limits and gallery, connect, and open the job of the address or the draft of this tab. */
  async start(jobId) {
    const { session, status, gallery, slots, welcome } = this.#parts;
    if (jobId) session.open(jobId, this.#memory.job(jobId)?.key ?? null);
    // without the server's token there is nothing to show but that it is missing
    if (!(await this.#startup.run())) return;
    const kept = jobId ? this.#memory.job(jobId) : this.#memory.draft;
    const sample = jobId ? null : gallery.sample;
    // whoever was quicker than the first answers keeps what they chose
    const pictures = Boolean(jobId) || !slots.begun;
    if (kept || !jobId) this.#view.restore(kept ?? sample ?? {}, { pictures });
    welcome.hidden = Boolean(kept) || sample === null || !pictures;
    if (jobId) this.#view.jobChanged({ type: "state" });
    else status.say("idle", "");
    this.#ownJobs.refresh();
    this.#view.refresh();
  }

  #listenToChoices() {
    const { session, slots, gallery, controls, masks, status, actions, easel, welcome } = this.#parts;
    actions.on("launch", () => this.#launcher.launch());
    for (const act of ["cancel", "pause", "resume"]) actions.on(act, () => session.steer(act));
    this.#parts.chooseButton.addEventListener("click", () => slots.content.choose());
    this.#parts.exampleButton.addEventListener("click", () => slots.restore(gallery.sample));
    welcome.querySelector("button").addEventListener("click", () => slots.content.choose());
    easel.element.addEventListener("drop", (event) => slots.takeContent(event));
    slots.on("change", () => {
      welcome.hidden = true;
      this.#view.picturesChanged();
      this.#preview.changed();
      this.#keepInputs();
    });
    gallery.on("pick", ({ kind, image }) => slots.pick(kind, image));
    gallery.on("look", ({ kind, image }) => this.#preview.look(kind === "style" ? image : null));
    controls.on("change", ({ name }) => {
      if (controls.isLive(name)) session.change(name, controls.value(name));
      this.#preview.changed();
      this.#keepInputs();
    });
    masks.on("problem", ({ error }) => status.say("error", text.masks.failed, error.message));
    this.#launcher.on("busy", () => this.#view.refresh());
    this.#launcher.on("launched", () => {
      welcome.hidden = true;
      this.#view.clearEasel();
      easel.reveal();
      this.#jobChanged();
      this.#ownJobs.refresh();
    });
  }

  #listenToServer() {
    const { link, session, status, easel, connection } = this.#parts;
    link.on("status", (state) => {
      connection.show(state);
      status.offline = !link.isOpen;
      this.#view.refresh();
    });
    link.on("hello", ({ device }) => {
      connection.device = device;
    });
    link.on("problem", ({ error }) => {
      // the token is asked for
      if (error.code !== "unauthorized") connection.explain(error.message);
    });
    session.on("job", ({ message }) => this.#jobChanged(message));
    session.on("frame", (frame) => easel.push(frame));
    session.on("problem", ({ error }) => status.say("error", text.refused, error.message));
    session.on("missing", ({ id, error }) => {
      if (error.code === "not_found") this.#memory.forgetJob(id);
      this.#view.jobMissing(error);
      this.#ownJobs.refresh();
    });
    easel.on("frame-done", ({ header }) => session.ack(header));
    easel.on("drawn", () => this.#view.refresh());
  }

  #listenToTools() {
    const { session, easel, tools, timelapse } = this.#parts;
    tools.on("compare", () => {
      easel.compare(!easel.comparing);
      if (easel.comparing) easel.focusCompare();
      this.#view.refresh();
    });
    tools.on("timelapse", () => {
      if (timelapse.shown) timelapse.close();
      else timelapse.open();
      this.#view.refresh();
    });
    timelapse.on("picture", ({ blob }) => easel.showPicture(blob));
    timelapse.on("leave", () => this.#view.showResult());
    tools.on("more", () => this.#more());
    tools.on("new", () => {
      this.#view.startAnew();
      this.#preview.changed();
      this.#ownJobs.refresh();
      this.#parts.slots.content.focus();
    });
    tools.on("delete", () => this.#ownJobs.remove(session.job.id));
    tools.on("reuse", () => this.#reuse());
    tools.on("copy", async () => {
      const done = await copyPicture(this.#api.blob(this.#resultUrl()));
      tools.confirm("copy", done ? text.copied : text.notCopied);
    });
    tools.on("share", async () => {
      const done = await copy(this.#api.shareUrl(session.job.id));
      tools.confirm("share", done ? text.copied : text.copyAddress);
    });
  }

  #jobChanged(message = null) {
    this.#view.jobChanged(message);
    this.#preview.changed();
    this.#ownJobs.jobChanged();
  }

  // a running painting gets a later end; a finished one is painted again with more steps
  async #more() {
    const { session, controls, status } = this.#parts;
    const { job } = session;
    const steps = Math.min(controls.limit("iterations"), Math.ceil(job.total_steps * MORE));
    controls.set("iterations", steps);
    if (ACTIVE.has(job.status)) session.change("iterations", steps);
    else await this.#launcher.launch();
    if (session.job?.id === job.id && !ACTIVE.has(job.status)) status.show(session.job);
    this.#keepInputs();
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

  #keepInputs() {
    const { session } = this.#parts;
    if (this.#view.restoring) return;
    const inputs = this.#launcher.inputs;
    this.#memory.keepDraft(inputs);
    if (session.active && session.mine) this.#memory.keepJob(session.job.id, inputs);
  }
}

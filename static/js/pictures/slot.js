// One place for a picture: click, drop, paste or camera; uploads at once and keeps its former picture when that fails.

import { MOVE_TYPE, draggedImage, imageFiles, listenToDrops, title } from "./dropped.js";
import { Emitter } from "../lib/emitter.js";
import { prepare } from "./prepare.js";
import { SlotFace, SlotNote } from "./slotface.js";
import { text } from "../lib/texts.js";

const words = text.slot;
// a painting can be larger than the largest that the server paints today
const FEWEST_PX = 1024;
const USUAL_PX = 3072;
// a picture of more pixels is cropped from a smaller one, of this longest side
const MOST_PX = 2 ** 24;
const CROPPED_PX = 4096;

/**
 * Events: `change` when the picture is another one, `uploaded` {failed} when an upload has ended or was given up, `select`
 * when it gets the focus, `remove` when its cross is pressed, `crop` when it is to be cropped, `move` {by} or {from} when
 * it is to change its place among the styles, `more` with files beyond the first.
 */
export class Slot extends Emitter {
  #api;
  #face;
  #label;
  #optional = false;
  #removable = false;
  #letter = "";
  /** @type {AbortController | null} */
  #upload = null;
  #locked = false;
  /** @type {{blob: Blob, name: string} | null} */
  #source = null;

  constructor({ api, template, note, label }) {
    super();
    this.#api = api;
    this.element = template.content.firstElementChild.cloneNode(true);
    this.note = new SlotNote(note, this.element);
    this.image = null;
    this.#face = new SlotFace(this.element);
    this.call(label);
    this.#listen();
  }

  /** Its caption; `optional` is said while it is empty, `letter` stands on its picture; `removable` gives it a cross. */
  call(label, { optional = false, removable = false, letter = "" } = {}) {
    this.#label = label;
    this.#optional = optional;
    this.#removable = removable;
    this.#letter = letter;
    this.#describe();
  }

  get busy() {
    return this.#upload !== null;
  }

  set locked(locked) {
    this.#locked = locked;
    this.#describe();
  }

  set selected(selected) {
    this.element.classList.toggle("selected", selected);
  }

  focus() {
    this.#face.button.focus();
  }

  choose() {
    if (!this.#locked) this.#face.files[0].click();
  }

  /** The picture as it was given, to crop it again; the server's JPEG of it where the browser may not read it. */
  async source() {
    const { id, width, height } = this.image;
    return this.#source?.blob ?? this.#api.blob(this.#api.imageUrl(id, width * height > MOST_PX ? CROPPED_PX : 0));
  }

  /** Put a picture that the server already has: {id, width, height, title?}; null empties the slot. */
  put(image) {
    this.#stopUpload();
    this.complain("");
    this.#source = null;
    this.#set(image);
  }

  /** Crop the picture that is here; see `upload`. */
  async recrop(how) {
    if (!how.box && !this.#source) return; // all of it is there already
    const name = this.#source?.name ?? this.image?.title ?? "";
    await this.upload(await this.source(), { ...how, name });
  }

  /**
   * Upload a file and show it. A failure is said next to the slot.
   * @param {Blob} file
   * @param {{box?: import("./cropbox.js").Part | null, full?: boolean, name?: string}} how the part that is kept, whether
   *   it is sent in full size, and its title
   */
  async upload(file, { box = null, full = false, name = title(/** @type {File} */ (file).name) } = {}) {
    if (this.#locked) return;
    this.#stopUpload();
    const upload = new AbortController();
    this.#upload = upload;
    this.complain("");
    this.#face.progress(0);
    let failed = false;
    try {
      const { max_size_px: most = USUAL_PX, formats = [], max_upload_bytes: mostBytes = Infinity } = this.#api.limits;
      const longest = Math.max(FEWEST_PX, most);
      const { blob, from, to } = await prepare(file, { box, full, longest, formats, mostBytes });
      if (upload !== this.#upload) return;
      const stored = await this.#api.upload(blob, {
        signal: upload.signal,
        onProgress: (share) => upload === this.#upload && this.#face.progress(share),
      });
      if (upload !== this.#upload) return;
      this.#source = from ? { blob: file, name } : null;
      this.#set({ id: stored.id, width: stored.width, height: stored.height, title: name });
      this.#tell(stored.notes ?? [], box ? null : from, to);
    } catch (error) {
      if (upload !== this.#upload) return;
      this.complain(error.message);
      failed = true;
    } finally {
      if (upload === this.#upload) {
        this.#upload = null;
        this.#face.progress(null);
      }
      this.emit("uploaded", { failed });
    }
  }

  /** Take the files or the gallery picture of a drop; returns the files beyond the first. */
  take(data) {
    const image = draggedImage(data);
    if (image) {
      this.put(image);
      return [];
    }
    const files = imageFiles(data);
    if (files.length === 0) {
      this.complain(words.noPicture);
      return [];
    }
    this.upload(files[0]);
    return files.slice(1);
  }

  #set(image) {
    this.image = image;
    this.#face.draw(image && this.#api.imageUrl(image.id, 256));
    this.#describe();
    this.emit("change");
  }

  #describe() {
    this.#face.show({
      label: this.#label,
      letter: this.#letter,
      optional: this.#optional,
      locked: this.#locked,
      removable: this.#removable,
      image: this.image,
    });
  }

  /** Say beside the slot what went wrong; "" takes it back. */
  complain(message) {
    if (message) this.note.complain(this.#label, message);
    else this.note.clear();
  }

  // what the page and then the server did to the picture
  #tell(notes, from, to) {
    const size = ({ width, height }) => `${width} × ${height}`;
    const reduced = from && to && to.width < from.width;
    const said = [...(reduced ? [words.reduced(size(from), size(to))] : []), ...notes];
    if (said.length === 0) return;
    const offer = reduced ? { name: words.sendFull, act: () => this.recrop({ full: true }) } : null;
    this.note.inform(this.#label, `${said.join("; ")}.`, offer);
  }

  #stopUpload() {
    const upload = this.#upload;
    this.#upload = null;
    upload?.abort();
    this.#face.progress(null);
  }

  #listen() {
    const { button, badge, remove, crop, camera, files, picture } = this.#face;
    button.addEventListener("click", () => this.choose());
    button.addEventListener("focus", () => this.emit("select"));
    remove.addEventListener("click", () => this.emit("remove"));
    for (const input of files) {
      input.addEventListener("change", () => {
        const [file] = input.files;
        if (file) this.upload(file);
        input.value = ""; // the same file may be chosen again after it was repaired
      });
    }
    crop.addEventListener("click", () => this.emit("crop"));
    camera.addEventListener("click", () => files[1].click());
    badge.addEventListener("click", () => this.emit("move", { by: 1 }));
    button.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by || !event.altKey || !this.#letter) return;
      event.preventDefault(); // the browser would go back in its history
      this.emit("move", { by });
    });
    button.addEventListener("dragstart", (event) => {
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData(MOVE_TYPE, this.#letter);
    });
    picture.addEventListener("error", () => {
      if (this.image) this.complain(words.gone);
    });
    listenToDrops(this.element, {
      locked: () => this.#locked,
      movable: () => this.#letter !== "",
      move: (from) => this.emit("move", { from }),
      take: (data) => {
        const rest = this.take(data);
        if (rest.length) this.emit("more", rest);
      },
    });
  }
}

// One place for a picture: click, drop or paste; uploads at once and keeps its former picture when that fails.

export const DRAG_TYPE = "application/x-duostyle-image";

/** Events: `change` when the picture is another one, `select` when it has the attention, `remove` when its cross is pressed. */
export class Slot extends EventTarget {
  #api;
  #face;
  #picture;
  #name;
  #hint;
  #badge;
  #bar;
  #remove;
  #file;
  #label;
  #optional = false;
  #letter = "";
  /** @type {AbortController | null} */
  #upload = null;
  #locked = false;

  constructor({ api, template, note, label, removable }) {
    super();
    this.#api = api;
    this.element = template.content.firstElementChild.cloneNode(true);
    this.note = note;
    this.image = null;
    this.#face = this.element.querySelector(".slot-face");
    this.#picture = this.element.querySelector("img");
    this.#name = this.element.querySelector(".slot-name");
    this.#hint = this.element.querySelector(".slot-optional");
    this.#badge = this.element.querySelector(".slot-letter");
    this.#bar = this.element.querySelector(".slot-progress");
    this.#remove = this.element.querySelector(".slot-remove");
    this.#file = this.element.querySelector("input[type=file]");
    this.removable = removable;
    this.call(label);
    this.#listen();
  }

  /** Its caption; `optional` is said while it is empty, `letter` stands on its picture and beside its share of the mix. */
  call(label, { optional = false, letter = "" } = {}) {
    this.#label = label;
    this.#optional = optional;
    this.#letter = letter;
    this.#describe();
  }

  get busy() {
    return this.#upload !== null;
  }

  set locked(locked) {
    this.#locked = locked;
    this.#face.disabled = locked;
    this.#describe();
  }

  set removable(removable) {
    this.canBeRemoved = removable;
    this.#remove.hidden = !removable;
  }

  set selected(selected) {
    this.element.classList.toggle("selected", selected);
  }

  focus() {
    this.#face.focus();
  }

  choose() {
    if (!this.#locked) this.#file.click();
  }

  /** Put a picture that the server already has: {id, width, height, title?}; null empties the slot. */
  put(image) {
    this.#stopUpload();
    this.#say("");
    this.#set(image);
  }

  /** Upload a file and show it. A failure is said next to the slot. */
  async upload(file) {
    if (this.#locked) return;
    this.#stopUpload();
    const upload = new AbortController();
    this.#upload = upload;
    this.#say("");
    this.#progress(0);
    try {
      const stored = await this.#api.upload(file, {
        signal: upload.signal,
        onProgress: (share) => upload === this.#upload && this.#progress(share),
      });
      if (upload !== this.#upload) return;
      this.#set({ id: stored.id, width: stored.width, height: stored.height, title: title(file.name) });
    } catch (error) {
      if (upload === this.#upload) this.#say(error.message);
    } finally {
      if (upload === this.#upload) {
        this.#upload = null;
        this.#progress(null);
      }
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
      this.#say("That was not a picture file.");
      return [];
    }
    this.upload(files[0]);
    return files.slice(1);
  }

  #set(image) {
    this.image = image;
    if (image) {
      this.#picture.src = this.#api.imageUrl(image.id, 256);
      this.#picture.hidden = false;
    } else {
      this.#picture.removeAttribute("src");
      this.#picture.hidden = true;
    }
    this.element.classList.toggle("filled", Boolean(image));
    this.#describe();
    this.dispatchEvent(new CustomEvent("change"));
  }

  #describe() {
    const empty = this.#optional ? "empty, optional, choose a picture" : "empty, choose a picture";
    const what = this.image ? this.image.title || "your picture" : empty;
    this.#face.setAttribute("aria-label", `${this.#label}${this.#letter && ` (${this.#letter})`}: ${what}`);
    this.#face.title = this.image?.title ?? "";
    this.#name.textContent = this.#label;
    this.#hint.textContent = this.#optional && !this.image ? "optional" : "";
    this.#badge.textContent = this.#letter;
    this.#badge.hidden = !this.#letter;
    this.#remove.setAttribute("aria-label", `Remove ${this.#label.toLowerCase()}`);
    this.#remove.hidden = this.#locked || !this.canBeRemoved;
    this.#file.setAttribute("aria-label", `Choose a file: ${this.#label.toLowerCase()}`);
  }

  #say(text) {
    this.note.textContent = text ? `${this.#label}: ${text}` : "";
    this.element.classList.toggle("failed", Boolean(text));
  }

  #progress(share) {
    this.#bar.hidden = share === null;
    this.element.classList.toggle("busy", share !== null);
    this.#face.setAttribute("aria-busy", String(share !== null));
    if (share !== null) this.#bar.style.setProperty("--done", String(share));
  }

  #stopUpload() {
    const upload = this.#upload;
    this.#upload = null;
    upload?.abort();
    this.#progress(null);
  }

  #listen() {
    this.#face.addEventListener("click", () => this.choose());
    this.#face.addEventListener("focus", () => this.dispatchEvent(new CustomEvent("select")));
    this.#remove.addEventListener("click", () => this.dispatchEvent(new CustomEvent("remove")));
    this.#file.addEventListener("change", () => {
      const [file] = this.#file.files;
      if (file) this.upload(file);
      this.#file.value = ""; // the same file may be chosen again after it was mended
    });
    this.#picture.addEventListener("error", () => {
      if (this.image) this.#say("The server no longer has this picture. Choose it again.");
    });
    this.element.addEventListener("dragover", (event) => {
      if (this.#locked || !canDrop(event.dataTransfer)) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
      this.element.classList.add("dropping");
    });
    this.element.addEventListener("dragleave", (event) => {
      if (!this.element.contains(event.relatedTarget)) this.element.classList.remove("dropping");
    });
    this.element.addEventListener("drop", (event) => {
      this.element.classList.remove("dropping");
      if (this.#locked) return;
      event.preventDefault();
      event.stopPropagation();
      const rest = this.take(event.dataTransfer);
      if (rest.length) this.dispatchEvent(new CustomEvent("more", { detail: rest }));
    });
  }
}

export function canDrop(data) {
  return data.types.includes("Files") || data.types.includes(DRAG_TYPE);
}

export function draggedImage(data) {
  try {
    return JSON.parse(data.getData(DRAG_TYPE) || "null");
  } catch {
    return null;
  }
}

/** The picture files of a drop or paste; a file of unknown type is tried too, the server knows better. */
export function imageFiles(data) {
  return [...data.files].filter((file) => file.type === "" || file.type.startsWith("image/"));
}

function title(name) {
  return (name ?? "").replace(/\.[a-z0-9]{2,5}$/i, "");
}

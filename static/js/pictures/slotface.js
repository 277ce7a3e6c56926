// What a slot shows and is called: picture, caption, letter, buttons, progress.

import { make } from "../lib/elements.js";
import { text } from "../lib/texts.js";

const words = text.slot;

/**
 * @typedef {object} Shown
 * @property {string} label
 * @property {string} letter the letter of a style among others, else ""
 * @property {boolean} optional
 * @property {boolean} locked
 * @property {boolean} removable
 * @property {{title?: string} | null} image
 */

export class SlotFace {
  /** @param {any} element the slot */
  constructor(element) {
    this.element = element;
    this.button = element.querySelector(".slot-face");
    this.picture = element.querySelector("img");
    this.badge = element.querySelector(".slot-letter");
    this.remove = element.querySelector(".slot-remove");
    this.crop = element.querySelector(".slot-crop");
    this.camera = element.querySelector(".slot-camera");
    this.files = [...element.querySelectorAll("input[type=file]")];
    this.name = element.querySelector(".slot-name");
    this.hint = element.querySelector(".slot-optional");
    this.bar = element.querySelector(".slot-progress");
  }

  /** @param {Shown} shown */
  show({ label, letter, optional, locked, removable, image }) {
    const own = label.toLowerCase();
    const what = image ? image.title || words.yours : optional ? words.emptyOptional : words.empty;
    this.element.classList.toggle("filled", image !== null);
    this.button.setAttribute("aria-label", `${label}${letter && ` (${letter})`}: ${what}`);
    this.button.title = image?.title ?? "";
    this.button.disabled = locked;
    this.button.draggable = letter !== "" && !locked;
    this.name.textContent = label;
    this.hint.textContent = optional && !image ? words.optional : "";
    this.badge.textContent = letter;
    this.badge.hidden = letter === "";
    this.badge.disabled = locked;
    this.badge.title = words.move;
    this.badge.setAttribute("aria-label", words.moveOf(letter));
    this.remove.hidden = locked || !removable;
    this.remove.setAttribute("aria-label", words.remove(own));
    this.crop.hidden = locked || !image;
    this.crop.setAttribute("aria-label", words.crop(own));
    this.camera.hidden = locked || image !== null;
    this.camera.setAttribute("aria-label", words.camera(own));
    for (const file of this.files) file.setAttribute("aria-label", words.file(own));
  }

  /** @param {string | null} address of the picture */
  draw(address) {
    this.picture.hidden = address === null;
    if (address) this.picture.src = address;
    else this.picture.removeAttribute("src");
  }

  /** @param {number | null} share 0..1 of an upload, null when there is none */
  progress(share) {
    this.bar.hidden = share === null;
    this.element.classList.toggle("busy", share !== null);
    this.button.setAttribute("aria-busy", String(share !== null));
    if (share !== null) this.bar.style.setProperty("--done", String(share));
  }
}

/** The line beside a slot: what went wrong with its picture, in the server's words, or what was done to it. */
export class SlotNote {
  #slot;

  /** @param {HTMLElement} element the line @param {HTMLElement} slot is marked while something is wrong */
  constructor(element, slot) {
    this.element = element;
    this.#slot = slot;
  }

  clear() {
    this.#show(false);
  }

  /** @param {string} label @param {string} message */
  complain(label, message) {
    this.#show(true, `${label}: ${message}`);
  }

  /**
   * Say what was done, and offer another way where there is one.
   * @param {string} label
   * @param {string} message
   * @param {{name: string, act: () => void} | null} offer
   */
  inform(label, message, offer) {
    if (!offer) return this.#show(false, `${label}: ${message}`);
    const button = make("button", { type: "button", textContent: offer.name });
    button.addEventListener("click", offer.act);
    this.#show(false, `${label}: ${message} `, button);
  }

  /** @param {boolean} wrong @param {(string | Node)[]} parts */
  #show(wrong, ...parts) {
    this.element.replaceChildren(...parts);
    this.element.classList.toggle("calm", !wrong);
    this.#slot.classList.toggle("failed", wrong);
  }
}

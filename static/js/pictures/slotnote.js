// The line beside a slot: what went wrong with its picture, in the server's words, or what was done to it.

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

  /** Tell what was done and offer another way. @param {string} label @param {string} message @param {string} offer */
  tell(label, message, offer, act) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: offer });
    button.addEventListener("click", act);
    this.#show(false, `${label}: ${message} `, button);
  }

  /** @param {boolean} wrong @param {(string | Node)[]} parts */
  #show(wrong, ...parts) {
    this.element.replaceChildren(...parts);
    this.element.classList.toggle("calm", !wrong);
    this.#slot.classList.toggle("failed", wrong);
  }
}

// Two questions in a dialog: the server's token, and whether something is really to be deleted.

/** Ask with a <dialog> whose form has `value="yes"` on the button that agrees; resolves to true or false. */
export function agreed(dialog) {
  return new Promise((resolve) => {
    dialog.returnValue = "";
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
  });
}

export class TokenQuestion {
  #dialog;
  #input;
  #asking = /** @type {Promise<string> | null} */ (null);

  constructor(dialog) {
    this.#dialog = dialog;
    this.#input = dialog.querySelector("input");
  }

  /** The token that was typed, or "" when the dialog was dismissed. Asked once, however many callers wait for it. */
  ask({ again = false } = {}) {
    this.#asking ??= this.#ask(again).finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #ask(again) {
    this.#dialog.querySelector(".ask-wrong").hidden = !again;
    this.#input.value = "";
    return (await agreed(this.#dialog)) ? this.#input.value.trim() : "";
  }
}

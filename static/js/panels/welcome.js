// A first visit: a photo and two styles are chosen already, and a line says so.

/** Event `own` when a photo of one's own is wanted. */
export class Welcome extends EventTarget {
  #element;

  constructor(element) {
    super();
    this.#element = element;
    element.querySelector("button").addEventListener("click", () => this.dispatchEvent(new CustomEvent("own")));
  }

  set shown(shown) {
    this.#element.hidden = !shown;
  }
}

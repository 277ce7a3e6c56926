// What can be done with the picture: compare, take it as content, copy the link, download.

/** Events `compare`, `reuse`, `share`. */
export class Tools extends EventTarget {
  #buttons = {};
  #links;
  #downloads;

  constructor(element) {
    super();
    for (const button of element.querySelectorAll("[data-act]")) {
      this.#buttons[button.dataset.act] = button;
      button.addEventListener("click", () => this.dispatchEvent(new CustomEvent(button.dataset.act)));
    }
    this.#downloads = element.querySelector(".downloads");
    this.#links = [...element.querySelectorAll("[data-format]")];
  }

  /** Show what is possible now; `downloads` is a function from format to address, or null. */
  show({ compare, comparing, reuse, share, downloads }) {
    this.#buttons.compare.hidden = !compare;
    this.#buttons.compare.setAttribute("aria-pressed", String(comparing));
    this.#buttons.reuse.hidden = !reuse;
    this.#buttons.share.hidden = !share;
    this.#downloads.hidden = !downloads;
    for (const link of this.#links) {
      if (downloads) {
        link.href = downloads(link.dataset.format);
        link.download = `duostyle.${link.dataset.format}`;
      } else {
        link.removeAttribute("href");
      }
    }
  }

  /** A short answer on the button itself. */
  confirm(act, text) {
    const button = this.#buttons[act];
    const label = button.dataset.label ?? button.textContent;
    button.dataset.label = label;
    button.textContent = text;
    setTimeout(() => {
      button.textContent = label;
    }, 1800);
  }
}

/** Copy text; false when the browser does not let us. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyOldWay(text); // the clipboard interface exists on secure origins only
  }
}

function copyOldWay(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "sr";
  area.setAttribute("aria-hidden", "true");
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

// Enlarges the picture in its frame: wheel, pinch, double click, keys and buttons; dragging moves it.

import { Emitter } from "../lib/emitter.js";
import { percent } from "../lib/format.js";

const STEP = 1.5;
const PAN_PX = 60;
const DOUBLE_CLICK = 2.5;

// a view is {scale, x, y}: where the enlarged picture lies, x and y in CSS px of its frame
export const WHOLE = Object.freeze({ scale: 1, x: 0, y: 0 });
export const LARGEST = 8;

/**
 * The view moved so that the picture covers the frame of `width` x `height` px, its scale between 1 and 8.
 * @param {{scale: number, x: number, y: number}} view
 */
export function settle({ scale, x, y }, width, height) {
  const kept = Math.min(LARGEST, Math.max(1, scale));
  const inside = (offset, room) => Math.min(0, Math.max(room * (1 - kept), offset)) || 0;
  return { scale: kept, x: inside(x, width), y: inside(y, height) };
}

/** The view enlarged by `factor` so that the point (px, py) of the frame stays where it is. */
export function zoomAt(view, factor, px, py, width, height) {
  const scale = Math.min(LARGEST, Math.max(1, view.scale * factor));
  const grown = scale / view.scale;
  return settle({ scale, x: px - (px - view.x) * grown, y: py - (py - view.y) * grown }, width, height);
}

export function panBy(view, dx, dy, width, height) {
  return settle({ ...view, x: view.x + dx, y: view.y + dy }, width, height);
}

/** From a share of the frame's width (0 to 1) to that of the picture behind it; may lie outside 0 to 1. */
export function shareOfPicture(view, share, width) {
  return width > 0 ? (share * width - view.x) / (view.scale * width) : share;
}

/** Event `change` when the view is another one. Only what starts on the picture itself pans: `surface` says what that is. */
export class Zoom extends Emitter {
  #frame;
  #sheet;
  #bar;
  #percent;
  #buttons;
  #surface;
  /** @type {{scale: number, x: number, y: number}} */
  #view = WHOLE;
  /** @type {Map<number, {x: number, y: number}>} */
  #pointers = new Map();

  constructor({ frame, sheet, bar, surface }) {
    super();
    this.#frame = frame;
    this.#sheet = sheet;
    this.#bar = bar;
    this.#surface = surface;
    this.#percent = bar.querySelector("[data-zoom=reset]");
    this.#buttons = new Map([...bar.querySelectorAll("[data-zoom]")].map((button) => [button.dataset.zoom, button]));
    bar.addEventListener("click", (event) => this.#press(event.target.closest("[data-zoom]")?.dataset.zoom));
    frame.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    frame.addEventListener("dblclick", (event) => this.#double(event));
    frame.addEventListener("keydown", (event) => this.#key(event));
    frame.addEventListener("pointerdown", (event) => this.#down(event));
    frame.addEventListener("pointermove", (event) => this.#move(event));
    for (const type of ["pointerup", "pointercancel"]) frame.addEventListener(type, (event) => this.#up(event));
    new ResizeObserver(() => this.#set(this.#view)).observe(frame);
    this.#set(WHOLE);
  }

  get view() {
    return this.#view;
  }

  set shown(shown) {
    this.#bar.hidden = !shown;
  }

  reset() {
    this.#set(WHOLE);
  }

  /** Enlarge by `factor` around a point in client coordinates; the middle of the frame when there is none. */
  by(factor, point = /** @type {{clientX: number, clientY: number} | null} */ (null)) {
    const box = this.#frame.getBoundingClientRect();
    const [x, y] = point ? [point.clientX - box.left, point.clientY - box.top] : [box.width / 2, box.height / 2];
    this.#set(zoomAt(this.#view, factor, x, y, box.width, box.height));
  }

  #set(view) {
    const { clientWidth: width, clientHeight: height } = this.#frame;
    const next = settle(view, width, height);
    this.#view = next;
    this.#sheet.style.transform = next.scale === 1 ? "" : `translate(${next.x}px, ${next.y}px) scale(${next.scale})`;
    this.#frame.classList.toggle("zoomed", next.scale > 1);
    this.#percent.textContent = percent(next.scale);
    this.#buttons.get("out").disabled = next.scale <= 1;
    this.#buttons.get("in").disabled = next.scale >= LARGEST;
    this.emit("change");
  }

  #press(what) {
    if (what === "in") this.by(STEP);
    else if (what === "out") this.by(1 / STEP);
    else if (what === "reset") this.reset();
    // a button that is now disabled would lose the focus
    const button = this.#buttons.get(what);
    if (button?.disabled) this.#percent.focus();
  }

  #wheel(event) {
    // without a modifier key the page scrolls, until the picture is enlarged
    const meant = event.ctrlKey || event.metaKey || this.#view.scale > 1;
    if (!meant || event.deltaY === 0) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 24 : 1;
    this.by(Math.exp(-Math.max(-120, Math.min(120, event.deltaY * lines)) / (event.ctrlKey ? 150 : 300)), event);
  }

  #double(event) {
    if (!this.#surface(event.target)) return;
    if (this.#view.scale > 1) this.reset();
    else this.by(DOUBLE_CLICK, event);
  }

  #key(event) {
    if (event.target !== this.#frame || event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const move = moves[event.key];
    if (event.key === "+" || event.key === "=") this.by(STEP);
    else if (event.key === "-") this.by(1 / STEP);
    else if (event.key === "0") this.reset();
    else if (move && this.#view.scale > 1) this.#pan(move[0] * PAN_PX, move[1] * PAN_PX);
    else return;
    event.preventDefault();
  }

  #pan(dx, dy) {
    this.#set(panBy(this.#view, dx, dy, this.#frame.clientWidth, this.#frame.clientHeight));
  }

  #down(event) {
    if (event.button !== 0 || !this.#surface(event.target)) return;
    this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.#view.scale > 1 || this.#pointers.size === 2) this.#frame.setPointerCapture(event.pointerId);
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const [other] = [...this.#pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    this.#pointers.set(event.pointerId, now);
    if (other) {
      const apart = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
      this.by(apart(now) / apart(before), { clientX: (now.x + other.x) / 2, clientY: (now.y + other.y) / 2 });
      this.#pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    } else if (this.#view.scale > 1) {
      this.#pan(now.x - before.x, now.y - before.y);
    }
  }

  #up(event) {
    this.#pointers.delete(event.pointerId);
  }
}

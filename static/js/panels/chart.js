// The costs as a small live chart: logarithmic axis, one line per cost, distinguished by dash and shade. Its values at a step
// are shown under the pointer, or with the keys of the range input that lies over it.

import { make } from "../lib/elements.js";
import { letter, short } from "../lib/format.js";
import { drawing } from "./drawing.js";
import { Series, nearestTo, pointAt, scales, ticks } from "./plot.js";
import { text } from "../lib/texts.js";

const DASHES = { total: [], content: [2, 3], styles: [[8, 4], [8, 3, 2, 3], [12, 3], [4, 2, 1, 2, 1, 2]] };

export class CostChart {
  #element;
  #canvas;
  #legend;
  #range;
  #where;
  #series = new Series();
  #lines = /** @type {any[]} */ ([]);
  #marks = /** @type {number[]} */ ([]);
  #totalSteps = 0;
  #due = 0;
  #step = /** @type {number | null} */ (null);

  constructor(element) {
    this.#element = element;
    this.#canvas = element.querySelector("canvas");
    this.#legend = element.querySelector("ul");
    this.#range = element.querySelector(".costs-range");
    this.#where = element.querySelector(".costs-step");
    new ResizeObserver(() => this.#redraw()).observe(this.#canvas);
    document.addEventListener("themechange", () => this.#redraw());
    this.#range.addEventListener("input", () => this.#look(Number(this.#range.value)));
    this.#range.addEventListener("blur", () => this.#look(null));
    const plot = element.querySelector(".costs-area");
    plot.addEventListener("pointermove", (event) => this.#hover(event));
    plot.addEventListener("pointerleave", () => this.#look(null));
  }

  clear() {
    this.#series.clear();
    this.#lines = [];
    this.#marks = [];
    this.#step = null;
    this.#legend.replaceChildren();
    this.#element.hidden = true;
  }

  /** Add the costs {total, content, style: [...]} of a step. */
  add(step, costs, totalSteps) {
    if (!costs || !Number.isFinite(costs.total)) return;
    const styles = costs.style ?? [];
    if (this.#lines.length !== 2 + styles.length) this.#build(styles.length);
    this.#totalSteps = totalSteps;
    this.#series.push(step, [costs.total, costs.content, ...styles]);
    // one point makes no line
    this.#element.hidden = this.#series.points.length < 2;
    this.#redraw();
  }

  /** Remember that a setting was changed at this step. */
  mark(step) {
    if (step > 0 && this.#marks[this.#marks.length - 1] !== step) this.#marks.push(step);
    this.#redraw();
  }

  #build(styles) {
    const of = (index) => (styles > 1 ? text.styleOf(letter(index)) : text.style);
    const names = [text.chart.total, text.content, ...Array.from({ length: styles }, (_, index) => of(index))];
    const kinds = ["total", "content", ...Array.from({ length: styles }, (_, index) => `style-${index + 1}`)];
    this.#lines = names.map((name, index) => {
      const dash = index === 0 ? DASHES.total : index === 1 ? DASHES.content : DASHES.styles[index - 2];
      const value = make("b");
      const mark = swatch(dash, index === 0 ? 2.25 : 1.75);
      mark.setAttribute("class", `line-${kinds[index]}`);
      return { name, item: make("li", {}, mark, name, value), mark, value, dash, width: index === 0 ? 2.25 : 1.5 };
    });
    this.#legend.replaceChildren(...this.#lines.map((line) => line.item));
  }

  get #steps() {
    const last = this.#series.last;
    return Math.max(2, this.#totalSteps || (last?.step ?? 0), last?.step ?? 0);
  }

  #hover(event) {
    const box = this.#canvas.getBoundingClientRect();
    const point = pointAt(this.#series.points, this.#steps, box.width, event.clientX - box.left);
    this.#look(point?.step ?? null);
  }

  #look(step) {
    this.#step = step;
    this.#redraw();
  }

  // at most one drawing per frame of the screen, none while the page is hidden
  #redraw() {
    if (this.#due) return;
    this.#due = requestAnimationFrame(() => {
      this.#due = 0;
      this.#draw();
    });
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const points = this.#series.points;
    if (!width || !height || points.length === 0) return;
    const ratio = window.devicePixelRatio || 1;
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(height * ratio);
    const last = points[points.length - 1];
    const shown = this.#step === null ? last : nearestTo(points, this.#step);
    const scale = scales(points, this.#steps, width, height);
    const draw = drawing(this.#canvas, ratio, scale);
    draw.axes(ticks(scale.low, scale.high), short, text.step(this.#steps));
    for (const mark of this.#marks) draw.mark(mark);
    this.#lines.forEach((line, index) => draw.line(line, points, index));
    if (this.#step !== null) draw.cursor(shown, this.#lines);
    this.#describe(shown, last);
  }

  #describe(shown, last) {
    this.#lines.forEach((line, index) => {
      line.value.textContent = short(shown.values[index]);
    });
    this.#where.textContent = text.step(shown.step);
    this.#range.max = String(last.step);
    if (document.activeElement !== this.#range) this.#range.value = String(shown.step);
    const parts = this.#lines.map((line, index) => `${line.name} ${short(shown.values[index])}`);
    this.#range.setAttribute("aria-valuetext", text.chart.at(shown.step, parts));
    this.#canvas.setAttribute("aria-label", text.chart.label(last.step, short(last.values[0])));
  }
}

function swatch(dash, width) {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  picture.setAttribute("viewBox", "0 0 26 6");
  picture.setAttribute("width", "26");
  picture.setAttribute("height", "6");
  picture.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", "M1 3h24");
  line.setAttribute("stroke", "currentColor");
  line.setAttribute("stroke-width", String(width));
  if (dash.length) line.setAttribute("stroke-dasharray", dash.join(" "));
  picture.append(line);
  return picture;
}

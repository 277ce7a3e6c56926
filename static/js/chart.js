// The costs as a small live chart: logarithmic axis, one line per cost, told apart by dash and shade.

import { letter, short } from "./format.js";
import { Series } from "./series.js";

const DASHES = { total: [], content: [2, 3], styles: [[8, 4], [8, 3, 2, 3], [12, 3], [4, 2, 1, 2, 1, 2]] };
const PAD = { top: 8, right: 8, bottom: 18, left: 44 };

export class CostChart {
  #element;
  #canvas;
  #legend;
  #series = new Series();
  #lines = [];
  #totalSteps = 0;
  #due = 0;

  constructor(element) {
    this.#element = element;
    this.#canvas = element.querySelector("canvas");
    this.#legend = element.querySelector("ul");
    new ResizeObserver(() => this.#soon()).observe(this.#canvas);
    document.addEventListener("themechange", () => this.#soon());
  }

  clear() {
    this.#series.clear();
    this.#lines = [];
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
    this.#element.hidden = false;
    this.#soon();
  }

  #build(styles) {
    const names = ["Total", "Content", ...Array.from({ length: styles }, (_, i) => (styles > 1 ? `Style ${letter(i)}` : "Style"))];
    this.#lines = names.map((name, index) => {
      const item = document.createElement("li");
      item.className = `line-${index < 2 ? name.toLowerCase() : `style-${index - 1}`}`;
      const dash = index === 0 ? DASHES.total : index === 1 ? DASHES.content : DASHES.styles[index - 2];
      const value = document.createElement("b");
      item.append(swatch(dash, index === 0 ? 2.25 : 1.75), document.createTextNode(name), value);
      return { item, value, dash, width: index === 0 ? 2.25 : 1.5 };
    });
    this.#legend.replaceChildren(...this.#lines.map((line) => line.item));
  }

  // at most one drawing per picture of the screen, none while the page is hidden
  #soon() {
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
    const pen = this.#canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const plot = { x: PAD.left, y: PAD.top, w: width - PAD.left - PAD.right, h: height - PAD.top - PAD.bottom };
    const [low, high] = range(points);
    const last = points[points.length - 1];
    const steps = Math.max(2, this.#totalSteps || last.step, last.step);
    const x = (step) => plot.x + (plot.w * (step - 1)) / (steps - 1);
    const y = (value) => plot.y + plot.h * (1 - (Math.log10(Math.max(value, low)) - Math.log10(low)) / Math.log10(high / low));
    this.#axes(pen, plot, low, high, steps, y);
    this.#lines.forEach((line, index) => {
      pen.strokeStyle = getComputedStyle(line.item).color;
      pen.lineWidth = line.width;
      pen.lineJoin = "round";
      pen.setLineDash(line.dash);
      pen.beginPath();
      points.forEach((point, at) => pen[at ? "lineTo" : "moveTo"](x(point.step), y(point.values[index])));
      pen.stroke();
      line.value.textContent = short(last.values[index]);
    });
    this.#canvas.setAttribute("aria-label", `Costs after step ${last.step}: total ${short(last.values[0])}, logarithmic axis`);
  }

  #axes(pen, plot, low, high, steps, y) {
    const style = getComputedStyle(this.#canvas);
    pen.font = `11px ${style.fontFamily}`;
    pen.fillStyle = style.color;
    pen.strokeStyle = style.borderTopColor;
    pen.lineWidth = 1;
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    for (const tick of ticks(low, high)) {
      const at = Math.round(y(tick)) + 0.5;
      pen.beginPath();
      pen.moveTo(plot.x, at);
      pen.lineTo(plot.x + plot.w, at);
      pen.stroke();
      pen.fillText(short(tick), plot.x - 8, at);
    }
    pen.textBaseline = "alphabetic";
    pen.fillText(`step ${steps}`, plot.x + plot.w, plot.y + plot.h + 15);
    pen.textAlign = "left";
    pen.fillText("1", plot.x, plot.y + plot.h + 15);
  }
}

function range(points) {
  const values = points.flatMap((point) => point.values).filter((value) => value > 0 && Number.isFinite(value));
  const high = Math.max(...values, 1e-9) * 1.15;
  // lines far below the rest would flatten those that matter
  const low = Math.max(Math.min(...values, high) / 1.15, high / 1e5);
  return high / low < 4 ? [high / 4, high] : [low, high];
}

function ticks(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    for (const digit of [1, 2, 5]) {
      const value = digit * 10 ** power;
      if (value >= low && value <= high) found.push(value);
    }
  }
  const stride = Math.ceil(found.length / 4);
  return found.filter((_, index) => index % stride === 0);
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

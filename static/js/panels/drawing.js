// Draws the chart of costs on its canvas, in the colours that the style sheet gives to the canvas and to each line.

/** The drawing tools for one picture of the chart; `scale` comes from plot.js. */
export function drawing(canvas, ratio, { plot, x, y }) {
  const to = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  to.scale(ratio, ratio);
  to.font = `11px ${style.fontFamily}`;
  to.lineJoin = "round";

  function upright(step, color, dash = /** @type {number[]} */ ([])) {
    const at = Math.round(x(step)) + 0.5;
    to.strokeStyle = color;
    to.lineWidth = 1;
    to.setLineDash(dash);
    to.beginPath();
    to.moveTo(at, plot.y);
    to.lineTo(at, plot.y + plot.h);
    to.stroke();
  }

  return {
    /** Lines across at the ticks with their values, the first and the last step below. */
    axes(ticks, write, lastLabel) {
      to.fillStyle = style.color;
      to.strokeStyle = style.borderTopColor;
      to.lineWidth = 1;
      to.setLineDash([]);
      to.textBaseline = "middle";
      to.textAlign = "right";
      for (const tick of ticks) {
        const at = Math.round(y(tick)) + 0.5;
        to.beginPath();
        to.moveTo(plot.x, at);
        to.lineTo(plot.x + plot.w, at);
        to.stroke();
        to.fillText(write(tick), plot.x - 8, at);
      }
      to.textBaseline = "alphabetic";
      to.fillText(lastLabel, plot.x + plot.w, plot.y + plot.h + 15);
      to.textAlign = "left";
      to.fillText("1", plot.x, plot.y + plot.h + 15);
    },

    line({ mark, width, dash }, points, index) {
      to.strokeStyle = getComputedStyle(mark).color;
      to.lineWidth = width;
      to.setLineDash(dash);
      to.beginPath();
      points.forEach((point, at) => to[at ? "lineTo" : "moveTo"](x(point.step), y(point.values[index])));
      to.stroke();
    },

    /** A setting was changed at this step. */
    mark(step) {
      upright(step, style.borderTopColor, [3, 3]);
    },

    cursor(point, lines) {
      upright(point.step, style.color);
      lines.forEach((line, index) => {
        to.fillStyle = getComputedStyle(line.mark).color;
        to.beginPath();
        to.arc(x(point.step), y(point.values[index]), 3, 0, 2 * Math.PI);
        to.fill();
      });
    },
  };
}

// Draws the chart of costs on its canvas, in the colours that the style sheet gives to the canvas and to each line.

/** The drawing tools for one picture of the chart; `scale` comes from plot.js. */
export function drawing(canvas, ratio, { plot, x, y }) {
  const context = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  context.scale(ratio, ratio);
  context.font = `11px ${style.fontFamily}`;
  context.lineJoin = "round";

  function upright(step, color, dash = /** @type {number[]} */ ([])) {
    const at = Math.round(x(step)) + 0.5;
    context.strokeStyle = color;
    context.lineWidth = 1;
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(at, plot.y);
    context.lineTo(at, plot.y + plot.h);
    context.stroke();
  }

  return {
    /** Lines across at the ticks with their values, the first and the last step below. */
    axes(ticks, write, lastLabel) {
      context.fillStyle = style.color;
      context.strokeStyle = style.borderTopColor;
      context.lineWidth = 1;
      context.setLineDash([]);
      context.textBaseline = "middle";
      context.textAlign = "right";
      for (const tick of ticks) {
        const at = Math.round(y(tick)) + 0.5;
        context.beginPath();
        context.moveTo(plot.x, at);
        context.lineTo(plot.x + plot.w, at);
        context.stroke();
        context.fillText(write(tick), plot.x - 8, at);
      }
      context.textBaseline = "alphabetic";
      context.fillText(lastLabel, plot.x + plot.w, plot.y + plot.h + 15);
      context.textAlign = "left";
      context.fillText("1", plot.x, plot.y + plot.h + 15);
    },

    line({ mark, width, dash }, points, index) {
      context.strokeStyle = getComputedStyle(mark).color;
      context.lineWidth = width;
      context.setLineDash(dash);
      context.beginPath();
      points.forEach((point, at) => context[at ? "lineTo" : "moveTo"](x(point.step), y(point.values[index])));
      context.stroke();
    },

    /** A setting was changed at this step. */
    mark(step) {
      upright(step, style.borderTopColor, [3, 3]);
    },

    cursor(point, lines) {
      upright(point.step, style.color);
      lines.forEach((line, index) => {
        context.fillStyle = getComputedStyle(line.mark).color;
        context.beginPath();
        context.arc(x(point.step), y(point.values[index]), 3, 0, 2 * Math.PI);
        context.fill();
      });
    },
  };
}

// Every English text that the scripts write. The texts in the markup are in index.html and status.html.

export const text = {
  stage: {
    compared: (percent) => `${Math.round(percent)} % content`,
  },
  zoom: {
    percent: (scale) => `${Math.round(100 * scale)} %`,
  },
  status: {
    waiting: "Waiting",
    position: (place) => `position ${place} in the queue`,
    next: "about to start",
    starting: "Starting",
    painting: "Painting",
    paused: "Paused",
    finished: (duration) => `Finished in ${duration}`,
    stopped: "Stopped",
    beforeFirst: "before the first step",
    afterStep: (step) => `after step ${step}`,
    kept: "the picture so far is kept",
    failed: "Failed",
    noReason: "The server did not say why.",
    opening: "Opening",
    step: (step, total) => `step ${step} of ${total}`,
    level: (level, levels) => `level ${level} of ${levels}`,
    steps: (step) => `${step} steps`,
    elapsed: (duration) => `${duration} so far`,
    size: (width, height) => `${width} × ${height} px`,
    offline: "Connection lost",
    offlineDetail: "the last picture is shown; it goes on as soon as the server answers",
    restarted: "The server was restarted and takes the painting up again",
  },
  chart: {
    total: "Total",
    content: "Content",
    style: "Style",
    styleOf: (letter) => `Style ${letter}`,
    step: (step) => `step ${step}`,
    label: (step, total) => `Costs after step ${step}: total ${total}, logarithmic axis`,
    at: (step, parts) => `Step ${step}: ${parts.join(", ")}`,
  },
};

// Makes every part of the page with its own element. The parts know nothing of each other; app.js connects them.

import { Actions } from "./actions.js";
import { CostChart } from "./chart.js";
import { Connection } from "./connection.js";
import { Controls } from "./controls.js";
import { Gallery } from "./gallery.js";
import { Session } from "./session.js";
import { Slots } from "./slots.js";
import { Stage } from "./stage.js";
import { StatusLine } from "./status.js";
import { Tools } from "./tools.js";

const byId = (id) => document.getElementById(id);

/** `frames` is a function giving the frame options of a subscription. */
export function makeParts({ api, frames }) {
  return {
    stage: new Stage(byId("stage")),
    slots: new Slots({ element: byId("slots"), notes: byId("slot-notes"), template: byId("slot-template"), api }),
    gallery: new Gallery({ element: byId("gallery"), template: byId("tile-template"), api }),
    controls: new Controls({ element: byId("controls"), api }),
    status: new StatusLine(byId("status"), byId("announce")),
    chart: new CostChart(byId("costs")),
    actions: new Actions(byId("form")),
    tools: new Tools(byId("tools")),
    connection: new Connection(byId("connection")),
    session: new Session({ url: api.socketUrl, frames }),
    choose: byId("hero-choose"),
    example: byId("hero-example"),
    easel: byId("stage"),
  };
}

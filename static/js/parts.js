// Makes every part of the page with its own element. The parts know nothing of each other; app.js connects them.

import { Actions } from "./actions.js";
import { Confirm, TokenQuestion } from "./ask.js";
import { CostChart } from "./chart.js";
import { Connection } from "./connection.js";
import { Controls } from "./controls.js";
import { Cropper } from "./cropper.js";
import { Gallery } from "./gallery.js";
import { Masks } from "./masks.js";
import { Others } from "./others.js";
import { Recipe } from "./recipe.js";
import { Session } from "./session.js";
import { Shelf } from "./shelf.js";
import { Slots } from "./slots.js";
import { LiveSocket } from "./socket.js";
import { Stage } from "./stage.js";
import { StatusLine } from "./status.js";
import { Timelapse } from "./timelapse.js";
import { Tools } from "./tools.js";
import { Welcome } from "./welcome.js";

/** @param {string} id @returns {any} */
const byId = (id) => document.getElementById(id);

/** `frames` is a function giving the frame options of a subscription. */
export function makeParts({ api, frames }) {
  const masks = new Masks({ frame: document.querySelector("#stage .sheet"), bar: byId("maskbar"), api });
  const socket = new LiveSocket(() => api.socketUrl);
  return {
    socket,
    masks,
    session: new Session({ socket, frames }),
    others: new Others(socket),
    stage: new Stage(byId("stage")),
    slots: new Slots({
      element: byId("slots"),
      notes: byId("slot-notes"),
      template: byId("slot-template"),
      api,
      cropper: new Cropper(byId("crop")),
    }),
    gallery: new Gallery({ element: byId("gallery"), template: byId("tile-template"), api }),
    controls: new Controls({ element: byId("controls"), api, masks }),
    status: new StatusLine(byId("status"), byId("announce")),
    chart: new CostChart(byId("costs")),
    recipe: new Recipe({ element: byId("recipe"), api }),
    timelapse: new Timelapse({ element: byId("timelapse"), api }),
    shelf: new Shelf({ element: byId("shelf"), api, row: byId("queue-template"), tile: byId("shelf-template") }),
    actions: new Actions(byId("form")),
    tools: new Tools(byId("status")),
    connection: new Connection(byId("connection")),
    confirm: new Confirm(byId("confirm")),
    token: new TokenQuestion(byId("ask-token")),
    welcome: new Welcome(byId("welcome")),
    choose: byId("hero-choose"),
    example: byId("hero-example"),
    easel: byId("stage"),
  };
}

// Makes every part of the page with its own element. The parts know nothing of each other; app.js connects them.

import { Actions } from "../panels/actions.js";
import { TokenQuestion } from "../panels/ask.js";
import { CostChart } from "../panels/chart.js";
import { Connection } from "../panels/connection.js";
import { Controls } from "../settings/controls.js";
import { Cropper } from "../pictures/cropper.js";
import { Gallery } from "../pictures/gallery.js";
import { Masks } from "../masks/masks.js";
import { Others } from "../net/others.js";
import { Recipe } from "../panels/recipe.js";
import { Session } from "../net/session.js";
import { Shelf } from "../panels/shelf.js";
import { Slots } from "../pictures/slots.js";
import { LiveSocket } from "../net/socket.js";
import { Stage } from "../easel/stage.js";
import { StatusLine } from "../panels/statusline.js";
import { Timelapse } from "../easel/timelapse.js";
import { Tools } from "../panels/tools.js";

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
    confirm: byId("confirm"),
    token: new TokenQuestion(byId("ask-token")),
    welcome: byId("welcome"),
    choose: byId("hero-choose"),
    example: byId("hero-example"),
    easel: byId("stage"),
  };
}

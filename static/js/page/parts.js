// Makes every part of the page with its own element. The parts know nothing of each other; app.js connects them.

import { Actions } from "../panels/actions.js";
import { TokenQuestion } from "../panels/ask.js";
import { BackgroundJobs } from "../net/background.js";
import { CostChart } from "../panels/chart.js";
import { Connection } from "../panels/connection.js";
import { Controls } from "../settings/controls.js";
import { Cropper } from "../pictures/cropper.js";
import { Easel } from "../easel/easel.js";
import { Gallery } from "../pictures/gallery.js";
import { Link } from "../net/link.js";
import { Masks } from "../masks/masks.js";
import { Paintings } from "../panels/paintings.js";
import { Previews } from "../net/previews.js";
import { Recipe } from "../panels/recipe.js";
import { Session } from "../net/session.js";
import { Slots } from "../pictures/slots.js";
import { StatusLine } from "../panels/statusline.js";
import { Timelapse } from "../easel/timelapse.js";
import { Tools } from "../panels/tools.js";

const FRAME_QUALITY = 85;
const USUAL_FRAME_PX = 512;

/** @param {string} id @returns {any} */
const byId = (id) => document.getElementById(id);

/** All parts by name; `welcome`, `confirm` and the buttons of the empty easel are plain elements. */
export function makeParts(api) {
  const easel = new Easel(byId("easel"));
  const masks = new Masks({ frame: document.querySelector("#easel .sheet"), toolbar: byId("mask-toolbar"), api });
  const link = new Link(api);
  const frames = () => ({
    max_px: Math.min(easel.pixels, api.limits.max_frame_px ?? USUAL_FRAME_PX),
    quality: FRAME_QUALITY,
    window: 1,
  });
  return {
    easel,
    masks,
    link,
    session: new Session({ socket: link, frames }),
    background: new BackgroundJobs(link),
    previews: new Previews(link),
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
    paintings: new Paintings({
      element: byId("paintings"),
      row: byId("queue-template"),
      tile: byId("painting-template"),
      api,
    }),
    actions: new Actions(byId("form")),
    tools: new Tools(byId("status")),
    connection: new Connection(byId("connection"), byId("notice")),
    token: new TokenQuestion(byId("ask-token")),
    confirm: byId("confirm"),
    welcome: byId("welcome"),
    chooseButton: byId("hero-choose"),
    exampleButton: byId("hero-example"),
  };
}

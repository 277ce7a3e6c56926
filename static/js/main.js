// Starts the page.

import { jobInAddress, takeFromAddress } from "./lib/address.js";
import { Api } from "./net/api.js";
import { App } from "./page/app.js";
import { Memory } from "./lib/memory.js";
import { makeParts } from "./page/parts.js";
import { text } from "./lib/texts.js";
import { startTheme } from "./lib/theme.js";

const memory = new Memory();
// the token is kept for this tab only, and not left where people copy addresses from
const token = takeFromAddress("token");
if (token) memory.token = token;

startTheme(document.getElementById("theme"), text.theme);
const api = new Api({ token: token ?? memory.token });
const form = document.getElementById("form");
// shown when it stands where it stays: what comes before it grows and shrinks until then
new App({ api, memory, parts: makeParts(api) }).start(jobInAddress()).finally(() => form?.classList.remove("starting"));
// the note of boot.js, which says that this script is missing
document.getElementById("boot")?.remove();

// Starts the page.

import { jobInAddress, takeFromAddress } from "./address.js";
import { Api } from "./api.js";
import { App } from "./app.js";
import { Memory } from "./memory.js";
import { text } from "./texts.js";
import { startTheme } from "./theme.js";

const memory = new Memory();
// the token is kept for this tab only, and not left where people copy addresses from
const token = takeFromAddress("token");
if (token) memory.token = token;

startTheme(document.getElementById("theme"), text.theme);
new App({ api: new Api({ token: token ?? memory.token }), memory }).start(jobInAddress());

// Finds the parts in the page and hands them to the app.

import { Api } from "./api.js";
import { App } from "./app.js";
import { Memory } from "./memory.js";
import { startTheme } from "./theme.js";

const memory = new Memory();
const address = new URL(location.href);
const given = address.searchParams.get("token");
if (given) {
  // the token is kept for this tab only, and not left where people copy addresses from
  memory.token = given;
  address.searchParams.delete("token");
  history.replaceState(null, "", address);
}

startTheme(document.getElementById("theme"));
const app = new App({ api: new Api({ token: given ?? memory.token }), memory });
app.start(address.searchParams.get("job"));

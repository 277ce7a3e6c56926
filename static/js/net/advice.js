// An error as sentences: what the server said, and what can be done about it. Pure.

import { sentence } from "../lib/format.js";
import { text } from "../lib/texts.js";

/** @param {{code?: string, message?: string}} problem */
export function advised({ code = "", message = "" }) {
  const said = sentence(message).replace(/([^.!?:])$/, "$1.");
  const advice = text.advice[code];
  return [said, advice].filter(Boolean).join(" ");
}

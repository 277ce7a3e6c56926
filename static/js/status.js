// Starts the page for operators: it asks every two seconds while it is seen.

import { Api } from "./net/api.js";
import { TokenQuestion } from "./panels/ask.js";
import { facts } from "./panels/facts.js";
import { Memory } from "./lib/memory.js";
import { text } from "./lib/texts.js";
import { startTheme } from "./lib/theme.js";

const EVERY_MS = 2000;

class Operator {
  #api;
  #memory;
  #element;
  #connection;
  #question;
  #before = null;
  #timer = 0;

  constructor({ api, memory }) {
    this.#api = api;
    this.#memory = memory;
    this.#element = byId("facts");
    this.#connection = byId("connection");
    this.#question = new TokenQuestion(byId("ask-token"));
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.look();
    });
  }

  async look() {
    clearTimeout(this.#timer);
    try {
      this.#show(await this.#api.json("api/status"));
    } catch (error) {
      this.#showState("waiting", error.message);
      if (error.code === "unauthorized" && !(await this.#ask())) return;
    }
    clearTimeout(this.#timer);
    if (!document.hidden) this.#timer = window.setTimeout(() => this.look(), EVERY_MS);
  }

  async #ask() {
    const token = await this.#question.ask({ again: Boolean(this.#memory.token) });
    if (token) this.#memory.token = this.#api.token = token;
    return Boolean(token);
  }

  #show(now) {
    for (const [name, value] of Object.entries(facts(now, this.#before))) {
      this.#element.querySelector(`[data-fact=${name}]`).textContent = value;
    }
    this.#before = now;
    this.#showState("open", text.operator.current);
  }

  #showState(state, words) {
    this.#connection.dataset.state = state;
    const line = this.#connection.querySelector(".link-text");
    // a live region that is written again would be read again
    if (line.textContent !== words) line.textContent = words;
  }
}

/** @param {string} id @returns {any} */
function byId(id) {
  return document.getElementById(id);
}

const memory = new Memory();
startTheme(byId("theme"), text.theme);
new Operator({ api: new Api({ token: memory.token }), memory }).look();
// the note of boot.js, which says that this script is missing
document.getElementById("boot")?.remove();

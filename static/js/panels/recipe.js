// How a painting was made: its pictures, its exact parameters, and the command that paints it again.

import { changed, commandLine, fileNames } from "./command.js";
import { make } from "../lib/elements.js";
import { letter, percent } from "../lib/format.js";
import { text } from "../lib/texts.js";
import { copy } from "../lib/clipboard.js";

const words = text.recipe;

export class Recipe {
  #element;
  #api;
  #pictures;
  #rows;
  #command;
  #key = "";

  constructor({ element, api }) {
    this.#element = element;
    this.#api = api;
    this.#pictures = element.querySelector(".recipe-pictures");
    this.#rows = element.querySelector(".recipe-rows");
    this.#command = element.querySelector("code");
    const button = element.querySelector("button");
    const label = button.textContent;
    button.addEventListener("click", async () => {
      button.textContent = (await copy(this.#command.textContent)) ? text.copied : words.select;
      setTimeout(() => {
        button.textContent = label;
      }, 1800);
    });
  }

  hide() {
    this.#element.hidden = true;
    this.#key = "";
  }

  /** Show the recipe of a job; `content` and `styles` are its pictures {id, title}, `share` what each style got. */
  show({ content, styles, params, share, rows }) {
    const key = JSON.stringify([content, styles, params, share]);
    this.#element.hidden = false;
    if (key === this.#key) return;
    this.#key = key;
    const names = fileNames([content.title, ...styles.map((style) => style.title)], ["content", "style-a", "style-b", "style-c", "style-d"]);
    const roles = [text.content, ...styles.map((_, index) => (styles.length > 1 ? text.styleOf(letter(index)) : text.style))];
    this.#pictures.replaceChildren(...[content, ...styles].map((picture, index) => this.#link(picture, names[index], roles[index])));
    const differing = changed(params, rows);
    const got = (share ?? []).map((part, index) => [words.share(letter(index)), percent(part)]);
    this.#rows.replaceChildren(...[...differing, ...(got.length > 1 ? got : [])].flatMap(([name, value]) => term(name, value)));
    if (differing.length === 0 && got.length < 2) this.#rows.replaceChildren(...term(words.parameters, words.defaults));
    this.#command.textContent = commandLine({ content: names[0], styles: names.slice(1), params: differing });
  }

  #link(picture, name, role) {
    return make("li", {}, `${role}: `, make("a", { href: this.#api.imageUrl(picture.id), download: name }, name));
  }
}

function term(name, value) {
  return [make("dt", {}, name), make("dd", {}, value)];
}

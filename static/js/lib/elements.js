// Makes elements, and shows where a slider stands.

/**
 * An element with these properties and children.
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {(string | Node)[]} children
 * @returns {any}
 */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** The badge with the letter of a style; hidden from screen readers, which are told the letter where it matters. */
export function badge(letter) {
  return make("span", { className: "letter", textContent: letter, ariaHidden: "true" });
}

/** Where a slider stands between its ends, 0 to 1. */
export function positionOf({ value, min, max }) {
  return (Number(value) - Number(min)) / (Number(max) - Number(min) || 1);
}

/** Fill the track of a slider up to `position` (0 to 1), and say its value to screen readers. */
export function showPosition(input, position, spoken) {
  input.style.setProperty("--fill", String(position));
  input.setAttribute("aria-valuetext", spoken);
}

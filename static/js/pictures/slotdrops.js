// Dropping on a slot: files, a picture of the gallery, or another style that comes to this place.

import { MOVE_TYPE, canDrop } from "./dropped.js";

/**
 * @param {HTMLElement} element the slot
 * @param {object} options
 * @param {() => boolean} options.locked
 * @param {() => boolean} options.movable whether a style can come to this place
 * @param {(letter: string) => void} options.move a style was dropped, told by its letter
 * @param {(data: DataTransfer) => void} options.take a picture was dropped
 */
export function listenToDrops(element, { locked, movable, move, take }) {
  const moves = (/** @type {DataTransfer} */ data) => data.types.includes(MOVE_TYPE);
  element.addEventListener("dragover", (event) => {
    const data = /** @type {DataTransfer} */ (event.dataTransfer);
    const moving = moves(data) && movable();
    if (locked() || !(moving || canDrop(data))) return;
    event.preventDefault();
    data.dropEffect = moving ? "move" : "copy";
    element.classList.add("dropping");
  });
  element.addEventListener("dragleave", (event) => {
    if (!element.contains(/** @type {Node | null} */ (event.relatedTarget))) element.classList.remove("dropping");
  });
  element.addEventListener("drop", (event) => {
    element.classList.remove("dropping");
    if (locked()) return;
    event.preventDefault();
    event.stopPropagation();
    const data = /** @type {DataTransfer} */ (event.dataTransfer);
    if (!moves(data)) take(data);
    else if (movable()) move(data.getData(MOVE_TYPE));
  });
}

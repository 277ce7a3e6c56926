// What a drop or a paste brings: picture files, a picture of the gallery, or a style that is moved to another place.

/** A picture of the gallery as JSON, and the place of a style that is dragged. */
export const DRAG_TYPE = "application/x-duostyle-image";
export const MOVE_TYPE = "application/x-duostyle-style";

export function canDrop(data) {
  return data.types.includes("Files") || data.types.includes(DRAG_TYPE);
}

export function draggedImage(data) {
  try {
    return JSON.parse(data.getData(DRAG_TYPE) || "null");
  } catch {
    return null;
  }
}

/** The picture files of a drop or paste; a file of unknown type is tried too, the server knows better. */
export function imageFiles(data) {
  return [...data.files].filter((file) => file.type === "" || file.type.startsWith("image/"));
}

/** A file's name as a title. @param {string | undefined} name */
export function title(name) {
  return (name ?? "").replace(/\.[a-z0-9]{2,5}$/i, "");
}

/**
 * Listen to what is dropped on a slot.
 * @param {HTMLElement} element the slot
 * @param {object} options
 * @param {() => boolean} options.locked
 * @param {() => boolean} options.movable whether a style can come to this place
 * @param {(letter: string) => void} options.move a style was dropped, named by its letter
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

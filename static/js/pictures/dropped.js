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

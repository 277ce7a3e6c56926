// What a picture goes through before it is sent: cropped to the part that is wanted, upright, no larger than can be used.

import { within } from "./cropbox.js";

const QUALITY = 0.95;

/**
 * @typedef {object} Prepared
 * @property {Blob} blob what to send
 * @property {{width: number, height: number} | null} from the size in px before, null when the browser cannot read it
 * @property {{width: number, height: number} | null} to the size in px that is sent
 */

/**
 * The file as it is where nothing has to be done to it, or where the browser cannot read it: then the server decides.
 * @param {Blob} file
 * @param {object} options
 * @param {import("./cropbox.js").Part | null} options.box the part that is kept, in px of the upright picture
 * @param {boolean} options.full send it in full size
 * @param {number} options.longest px that the longest side may have unless `full`
 * @param {string[]} options.formats names of formats that the server reads
 * @returns {Promise<Prepared>}
 */
export async function prepare(file, { box, full, longest, formats }) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return { blob: file, from: null, to: null };
  }
  try {
    const from = { width: bitmap.width, height: bitmap.height };
    const kept = box ?? { x: 0, y: 0, ...from };
    const to = full ? { width: kept.width, height: kept.height } : within(kept, longest);
    const known = formats.length === 0 || file.type === "" || formats.includes(file.type.replace("image/", ""));
    if (!box && known && to.width === from.width) return { blob: file, from, to };
    return { blob: await draw(bitmap, kept, to, file.type === "image/png" ? "image/png" : "image/jpeg"), from, to };
  } finally {
    bitmap.close();
  }
}

/**
 * @param {ImageBitmap} bitmap
 * @param {import("./cropbox.js").Part} kept
 * @param {{width: number, height: number}} to
 * @param {string} type
 * @returns {Promise<Blob>}
 */
function draw(bitmap, kept, to, type) {
  const canvas = Object.assign(document.createElement("canvas"), to);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.fillStyle = "#fff"; // the server lays pictures over white too
  context.fillRect(0, 0, to.width, to.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, kept.x, kept.y, kept.width, kept.height, 0, 0, to.width, to.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture is too large for this browser"))), type, QUALITY);
  });
}

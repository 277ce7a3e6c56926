// What a picture goes through before it is sent: cropped to the part that is wanted, upright, no larger than can be used.
// Only JPEGs are reduced here: of other formats browsers read neither every kind nor the way up as the server does.

import { within } from "./cropbox.js";

const QUALITY = 0.95;
const JPEG = [0xff, 0xd8, 0xff];
// what is sent of a part of pictures that may be transparent; all others are sent as JPEG
/** @type {Record<string, string>} */
const TRANSPARENT = { "image/png": "image/png", "image/gif": "image/png", "image/webp": "image/webp", "image/avif": "image/webp" };

/**
 * @typedef {object} Prepared
 * @property {Blob} blob what to send
 * @property {{width: number, height: number} | null} from the size in px before, null when only the server reads it
 * @property {{width: number, height: number} | null} to the size in px that is sent
 */

/**
 * The file as it is where nothing has to be done to it, or where the server reads it better.
 * @param {Blob} file
 * @param {object} options
 * @param {import("./cropbox.js").Part | null} options.box the part that is kept, in px of the upright picture
 * @param {boolean} options.full send it in full size
 * @param {number} options.longest px that the longest side may have unless `full`
 * @param {string[]} options.formats names of formats that the server reads
 * @param {number} options.mostBytes largest file that the server takes
 * @returns {Promise<Prepared>}
 */
export async function prepare(file, { box, full, longest, formats, mostBytes }) {
  const known = formats.length === 0 || file.type === "" || formats.includes(file.type.replace("image/", ""));
  if (!box && known && file.size <= mostBytes && !(await isJpeg(file))) return { blob: file, from: null, to: null };
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
    if (!box && known && to.width === from.width) return { blob: file, from, to };
    return { blob: await draw(bitmap, kept, to, TRANSPARENT[file.type] ?? "image/jpeg"), from, to };
  } finally {
    bitmap.close();
  }
}

/** By its bytes: names and types may be wrong. @param {Blob} file */
async function isJpeg(file) {
  const start = new Uint8Array(await file.slice(0, JPEG.length).arrayBuffer());
  return JPEG.every((byte, at) => start[at] === byte);
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
  if (type === "image/jpeg") {
    context.fillStyle = "#fff"; // as the server does
    context.fillRect(0, 0, to.width, to.height);
  }
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, kept.x, kept.y, kept.width, kept.height, 0, 0, to.width, to.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture is too large for this browser"))), type, QUALITY);
  });
}

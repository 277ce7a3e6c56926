// A grey picture as PNG: one byte per pixel, no profile and no alpha that a reader could misinterpret.

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const GREY = 0;

/**
 * The PNG of `grey`, row after row from the top; 0 is black.
 * @param {number} width px
 * @param {number} height px
 * @param {Uint8Array | Uint8ClampedArray} grey width * height values
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function greyPng(width, height, grey) {
  if (grey.length !== width * height) throw new RangeError("the values do not fill the picture");
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8); // bits
  header.setUint8(9, GREY);
  const rows = new Uint8Array((width + 1) * height); // each row begins with its filter: none
  for (let y = 0; y < height; y += 1) rows.set(grey.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  return join([
    new Uint8Array(SIGNATURE),
    chunk("IHDR", new Uint8Array(header.buffer)),
    chunk("IDAT", await deflate(rows)),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

/** @param {Uint8Array<ArrayBuffer>} data */
async function deflate(data) {
  const packed = new Blob([data]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/** @param {string} name @param {Uint8Array} data */
function chunk(name, data) {
  const body = join([new TextEncoder().encode(name), data]);
  const whole = new DataView(new ArrayBuffer(body.length + 8));
  whole.setUint32(0, data.length);
  new Uint8Array(whole.buffer).set(body, 4);
  whole.setUint32(body.length + 4, crc(body));
  return new Uint8Array(whole.buffer);
}

/** @param {Uint8Array[]} parts */
function join(parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** CRC-32 as PNG, zip and Ethernet have it. @param {Uint8Array} data */
export function crc(data) {
  let sum = 0xffffffff;
  for (const byte of data) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return (sum ^ 0xffffffff) >>> 0;
}

// The wire as the page sees it: frames, references, statuses. Pure; knows no socket and no document.

export const SUBPROTOCOL = "duostyle.v1";
export const ENDED = new Set(["completed", "failed", "cancelled"]);
export const ACTIVE = new Set(["queued", "running", "paused"]);

const LARGEST_HEADER = 64 * 1024;

/**
 * Split a binary frame: 4 bytes big-endian header length, the JSON header, the encoded image.
 * Returns {header, image: Uint8Array}; throws RangeError or SyntaxError when the bytes are not a frame.
 */
export function parseFrame(buffer) {
  if (buffer.byteLength < 4) throw new RangeError("a frame has at least 4 bytes");
  const length = new DataView(buffer).getUint32(0, false);
  if (length > LARGEST_HEADER || 4 + length > buffer.byteLength) throw new RangeError("the frame is cut short");
  const text = new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(buffer, 4, length));
  const header = JSON.parse(text);
  if (header === null || typeof header !== "object" || header.type !== "frame") {
    throw new RangeError("the header is not that of a frame");
  }
  return { header, image: new Uint8Array(buffer, 4 + length) };
}

/** Parse a text message; null when it is not an object with a type. */
export function parseMessage(text) {
  try {
    const message = JSON.parse(text);
    return message && typeof message === "object" && typeof message.type === "string" ? message : null;
  } catch {
    return null;
  }
}

/** Seconds to wait before try number `attempt` (0, 1, 2 ...): 0.5 doubling to 15, shortened at random by up to half. */
export function retryDelay(attempt, random = Math.random) {
  const full = Math.min(15, 0.5 * 2 ** Math.min(attempt, 10));
  return full * (1 - 0.5 * random());
}

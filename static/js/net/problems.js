// What went wrong with a request, in sentences: by the server's own error, or by the answer of a proxy in front of it.

import { bytes, sentence } from "../lib/format.js";
import { text } from "../lib/texts.js";

const words = text.problems;
const proxies = text.proxy;
// those whose own error pages say who they are
const NAMES = /\b(nginx|openresty|caddy|apache|cloudflare|traefik|haproxy|envoy|varnish|squid|awselb|iis|zscaler|fortigate)\b/i;

/**
 * An error as sentences: what the server said, and what can be done about it.
 * @param {{code?: string, message?: string}} problem
 */
export function advised({ code = "", message = "" }) {
  const said = sentence(message).replace(/([^.!?:])$/, "$1.");
  const advice = text.advice[code];
  return [said, advice].filter(Boolean).join(" ");
}

/** An error with the server's own words, or ours when there was no server to speak. */
export class ApiError extends Error {
  /** @param {{code?: string, message?: string, field?: string, status?: number}} problem */
  constructor({ code = "internal", message = words.unknown, field, status } = {}) {
    super(advised({ code, message }));
    this.code = code;
    this.field = field;
    this.status = status;
  }
}

/**
 * The error in an answer. One that is not the server's own comes from a proxy, which is named if it says its name.
 * @param {{status: number, body: string, server?: string | null, sent?: number}} answer `server` is its header of this name,
 * `sent` the bytes of the request's body
 */
export function errorOf({ status, body, server = "", sent = 0 }) {
  const own = parse(body)?.error;
  if (own?.message) return new ApiError({ ...own, message: refusal(own) ?? own.message, status });
  const name = NAMES.exec(server ?? "")?.[1] ?? NAMES.exec(body)?.[1];
  const why = proxies.reasons[status] ?? (status < 400 ? proxies.page : proxies.other);
  return new ApiError({ code: "proxy", message: why(proxies.who(name), { status, sent: bytes(sent) }), status });
}

/** A request that was not answered. */
export function unreachable() {
  return new ApiError({ code: "unreachable", message: words.unreachable });
}

/** A file that is larger than the server takes. @param {number} got @param {number} limit bytes */
export function sizeError(got, limit) {
  return new ApiError({ code: "image_too_large", message: words.tooLarge(bytes(got), bytes(limit)) });
}

/** The value of a JSON text, or null. */
export function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// the server does not know the page's address: only whoever runs it can help, and has to be told how
function refusal({ code, field }) {
  if (code !== "forbidden") return null;
  if (field === "host") return words.wrongHost(location.hostname);
  if (field === "origin") return words.wrongOrigin(location.origin);
  return null;
}

// The HTTP side of the contract: limits, gallery, uploads and the addresses of pictures.

import { bytes, sentence } from "../lib/format.js";
import { text } from "../lib/texts.js";

const words = text.problems;

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

export class Api {
  #base;

  constructor({ base = document.baseURI, token = null } = {}) {
    this.#base = new URL("./", base);
    this.token = token;
    this.limits = {};
  }

  url(path, query = {}) {
    const url = new URL(path, this.#base);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    if (this.token) url.searchParams.set("token", this.token);
    return url.href;
  }

  get socketUrl() {
    return this.url("ws").replace(/^http/, "ws");
  }

  imageUrl(id, size) {
    return this.url(`api/images/${id}`, size ? { size } : {});
  }

  /** The address of something of a job, as `frame.jpg`, or of the job itself. */
  jobUrl(job, name = "", query = {}) {
    return this.url(`api/jobs/${encodeURIComponent(job)}${name && `/${name}`}`, query);
  }

  resultUrl(job, format, { partial = false } = {}) {
    return this.jobUrl(job, `result.${format}`, partial ? { partial: 1 } : {});
  }

  /** Delete a job, its painting and the pictures uploaded for it; a job that is gone already is fine too. */
  async forget(job, key) {
    try {
      await this.#fetch(this.jobUrl(job), { method: "DELETE", headers: { "X-Duostyle-Key": key } });
    } catch (error) {
      if (error.code !== "not_found") throw error;
    }
  }

  shareUrl(job) {
    const url = new URL(this.#base);
    url.searchParams.set("job", job);
    return url.href;
  }

  async json(path) {
    return (await this.#fetch(this.url(path))).json();
  }

  async blob(url) {
    return (await this.#fetch(url)).blob();
  }

  /**
   * Upload a picture; `onProgress` gets 0..1. Resolves to the server's {id, width, height, format, bytes}.
   * A file far above the limit is not sent at all; one a little above is, so that the server itself refuses it.
   * @param {Blob} blob
   * @param {{onProgress?: (share: number) => void, signal?: AbortSignal | null}} [options]
   */
  upload(blob, { onProgress = () => {}, signal = null } = {}) {
    const limit = this.limits.max_upload_bytes;
    const tooLarge = limit && blob.size > limit;
    if (limit && blob.size > 2 * limit) return Promise.reject(sizeError(blob.size, limit));
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", this.url("api/images"));
      request.responseType = "text";
      request.setRequestHeader("Content-Type", blob.type.startsWith("image/") ? blob.type : "application/octet-stream");
      request.upload.addEventListener("progress", (event) => {
        if (event.lengthComputable) onProgress(event.loaded / event.total);
      });
      request.addEventListener("load", () => {
        const body = parse(request.responseText);
        if (request.status < 300 && body?.id) resolve(body);
        else reject(errorOf(body, request.status));
      });
      request.addEventListener("error", () => {
        // a server may answer 413 and close the connection during the upload: the browser then reports only a network error
        reject(tooLarge ? sizeError(blob.size, limit) : unreachable());
      });
      request.addEventListener("abort", () => reject(new ApiError({ code: "aborted", message: words.aborted })));
      signal?.addEventListener("abort", () => request.abort(), { once: true });
      request.send(blob);
    });
  }

  async #fetch(url, options = {}) {
    let response;
    try {
      response = await fetch(url, options);
    } catch {
      throw unreachable();
    }
    if (!response.ok) throw errorOf(parse(await response.text()), response.status);
    return response;
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function errorOf(body, status) {
  if (body?.error?.message) return new ApiError({ ...body.error, status });
  return new ApiError({ message: words.wordless(status), status });
}

function unreachable() {
  return new ApiError({ code: "unreachable", message: words.unreachable });
}

function sizeError(got, limit) {
  return new ApiError({ code: "image_too_large", message: words.tooLarge(bytes(got), bytes(limit)) });
}

// The HTTP side of the contract: limits, gallery, uploads and the addresses of pictures.

import { bytes } from "../lib/format.js";
import { text } from "../lib/texts.js";
import { ApiError, errorOf, parse, sizeError, unreachable } from "./problems.js";

const words = text.problems;

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

  /** Stop a job. */
  async cancel(job, key) {
    await this.json(`api/jobs/${encodeURIComponent(job)}/cancel`, { body: {}, headers: { "X-Duostyle-Key": key } });
  }

  shareUrl(job) {
    const url = new URL(this.#base);
    url.searchParams.set("job", job);
    return url.href;
  }

  /** GET, or POST of a JSON body. */
  async json(path, { body = /** @type {unknown} */ (undefined), headers = {} } = {}) {
    const options = { method: "POST", body: JSON.stringify(body), headers: { ...headers, "Content-Type": "application/json" } };
    const response = await this.#fetch(this.url(path), body === undefined ? {} : options);
    const said = await response.text();
    const value = parse(said);
    // a captive portal, or a login page
    if (value === null) throw errorOf({ status: response.status, body: said, server: response.headers.get("server") });
    return value;
  }

  /**
   * Resolves when the server answers this page; rejects with what is in the way. A browser does not tell a page why its
   * socket was refused, and only a request that is not a GET has the Origin that a socket has.
   */
  async probe() {
    try {
      await this.#fetch(this.url("api/limits"), { method: "POST" });
    } catch (error) {
      if (error.code !== "method_not_allowed") throw error;
    }
  }

  async blob(url) {
    return (await this.#fetch(url)).blob();
  }

  /**
   * Upload a picture; `onProgress` gets 0..1. Resolves to the server's {id, width, height, format, bytes, notes}.
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
        const { status, responseText: said } = request;
        const body = parse(said);
        if (status < 300 && body?.id) resolve(body);
        else reject(errorOf({ status, body: said, server: request.getResponseHeader("server"), sent: blob.size }));
      });
      request.addEventListener("error", () => {
        // who answers 413 may close the connection during the upload: the browser then reports only a network error
        if (tooLarge) reject(sizeError(blob.size, limit));
        else this.#cutOff(blob.size).then(reject);
      });
      request.addEventListener("abort", () => reject(new ApiError({ code: "aborted", message: words.aborted })));
      signal?.addEventListener("abort", () => request.abort(), { once: true });
      request.send(blob);
    });
  }

  // an upload that ended without an answer, though the server can be reached, was too much for something on the way
  async #cutOff(sent) {
    try {
      await this.probe();
    } catch (error) {
      return error;
    }
    return new ApiError({ code: "proxy", message: words.uploadCut(bytes(sent)) });
  }

  async #fetch(url, options = {}) {
    let response;
    try {
      response = await fetch(url, options);
    } catch {
      throw unreachable();
    }
    if (!response.ok) {
      throw errorOf({ status: response.status, body: await response.text(), server: response.headers.get("server") });
    }
    return response;
  }
}

// What a failed request is said to be: in the server's own words, or as the answer of a proxy that is named.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Api } from "../../../static/js/net/api.js";
import { advised, errorOf } from "../../../static/js/net/problems.js";
import { installBrowser } from "../support/browser.js";

// as nginx 1.24 and Caddy 2 write them
const NGINX = (title) =>
  `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n<hr><center>nginx/1.24.0</center>\r\n</body>\r\n</html>\r\n`;

beforeEach(() => installBrowser());

test("an error is a sentence, with what to do where there is something to do", () => {
  assert.equal(advised({ code: "queue_full", message: "the queue is full" }), "The queue is full. Try again in a few minutes.");
  assert.equal(advised({ code: "made_up", message: "Really?" }), "Really?");
  assert.equal(advised({ message: "no such job" }), "No such job.");
});

test("the server's own error keeps its words", () => {
  const body = JSON.stringify({ error: { code: "not_found", message: "no such job", field: "job" } });
  const { code, message, field, status } = errorOf({ status: 404, body, server: "nginx" });
  assert.deepEqual([code, message, field, status], ["not_found", "No such job.", "job", 404]);
});

test("a proxy's own page is known by its header or its body, and says what its operator can do", () => {
  const cases = [
    [{ status: 413, body: NGINX("413 Request Entity Too Large"), sent: 3_400_000 }, /\(nginx\) does not let 3\.2 MB through \(413\).*client_max_body_size/],
    [{ status: 413, body: "", server: "Caddy", sent: 150_000 }, /\(Caddy\) does not let 146 KB through.*request_body in Caddy/],
    [{ status: 401, body: NGINX("401 Authorization Required"), server: "nginx/1.24.0" }, /\(nginx\) requires a name and a password of its own \(401\)/],
    [{ status: 502, body: NGINX("502 Bad Gateway") }, /\(nginx\) cannot reach the server \(502\)/],
    [{ status: 504, body: "<h1>Gateway Time-out</h1>" }, /^A proxy in front of the server waited for the server in vain \(504\)/],
    [{ status: 418, body: "", server: "cloudflare" }, /\(cloudflare\) answered with status 418 instead of the server/],
    [{ status: 200, body: "<title>Log in</title>" }, /answered with a page of its own/],
    // JSON, but not this server's
    [{ status: 403, body: '{"error": "forbidden"}', server: "envoy" }, /\(envoy\) does not allow this request \(403\)/],
  ];
  for (const [answer, said] of cases) {
    const error = errorOf(answer);
    assert.match(error.message, said);
    assert.deepEqual([error.code, error.status], ["proxy", answer.status]);
  }
});

test("a refused name or origin says what the operator must set", () => {
  Object.assign(location, { hostname: "paint.lan", origin: "https://paint.lan:8443" });
  const refused = (field) => errorOf({ status: 403, body: JSON.stringify({ error: { code: "forbidden", message: "no", field } }) });
  assert.match(refused("host").message, /--allowed-hosts paint\.lan\.?$/);
  assert.match(refused("origin").message, /--trusted-proxy.*Host header.*--allowed-origins https:\/\/paint\.lan:8443\.?$/);
  assert.equal(refused("job").message, "No.");
});

/** Let `fetch` answer this; what it was asked is in the list that comes back. */
function answering(status, body, headers = {}) {
  const asked = [];
  globalThis.fetch = async (url, options = {}) => {
    asked.push([options.method ?? "GET", url, options.body, options.headers]);
    return new Response(body, { status, headers });
  };
  return asked;
}

test("a question that only sees whether the server answers is a POST, which a browser sends with its origin", async () => {
  const api = new Api({ base: "http://host/paint/" });
  const asked = answering(405, JSON.stringify({ error: { code: "method_not_allowed", message: "method not allowed" } }));
  await api.probe();
  assert.deepEqual(asked.map(([method, url]) => [method, url]), [["POST", "http://host/paint/api/limits"]]);
  answering(405, NGINX("405 Not Allowed"));
  await assert.rejects(api.probe(), { code: "proxy", status: 405 });
  answering(403, JSON.stringify({ error: { code: "forbidden", message: "no", field: "host" } }));
  await assert.rejects(api.probe(), { code: "forbidden", field: "host" });
  globalThis.fetch = async () => Promise.reject(new TypeError("Failed to fetch"));
  await assert.rejects(api.probe(), { code: "unreachable" });
});

test("a login page in place of an answer is not taken for one", async () => {
  answering(200, "<html>Log in</html>", { server: "nginx" });
  await assert.rejects(new Api({ base: "http://host/" }).json("api/limits"), { code: "proxy", status: 200 });
});

test("a job is launched and stopped with what the contract says", async () => {
  const api = new Api({ base: "http://host/", token: "t" });
  const asked = answering(200, '{"job": "j"}');
  assert.deepEqual(await api.json("api/jobs", { body: { content: "c" } }), { job: "j" });
  await api.cancel("a/b", "k");
  assert.deepEqual(asked.map(([method, url, body]) => [method, url, body]), [
    ["POST", "http://host/api/jobs?token=t", '{"content":"c"}'],
    ["POST", "http://host/api/jobs/a%2Fb/cancel?token=t", "{}"],
  ]);
  assert.deepEqual(asked.map((request) => request[3]), [
    { "Content-Type": "application/json" },
    { "Content-Type": "application/json", "X-Duostyle-Key": "k" },
  ]);
});

/** An upload over a connection that the test breaks after `probe` was made to answer. */
class BrokenRequest extends EventTarget {
  upload = new EventTarget();
  open() {}
  setRequestHeader() {}
  send() { queueMicrotask(() => this.dispatchEvent(new Event("error"))); }
}

test("an upload that is cut off says what may have cut it", async () => {
  globalThis.XMLHttpRequest = BrokenRequest;
  const api = new Api({ base: "http://host/" });
  const blob = new Blob([new Uint8Array(2_000_000)], { type: "image/png" });
  answering(405, JSON.stringify({ error: { code: "method_not_allowed", message: "no" } }));
  await assert.rejects(api.upload(blob), { code: "proxy", message: /upload of 1\.9 MB was cut off.*proxy on the way/ });
  globalThis.fetch = async () => Promise.reject(new TypeError("Failed to fetch"));
  await assert.rejects(api.upload(blob), { code: "unreachable" });
  api.limits = { max_upload_bytes: 1_500_000 };
  await assert.rejects(api.upload(blob), { code: "image_too_large" });
});

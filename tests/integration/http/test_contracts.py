"""What a running server answers and says is what its own /openapi.json and /asyncapi.json promise, to the field."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import validate

from tests.support.contract import check
from tests.support.fake_engine import image_bytes
from tests.support.real_server.http_client import Client
from tests.support.real_server.running import Running
from tests.support.real_server.socket_client import socket

pytestmark = pytest.mark.real_server

UNKNOWN = "j" * 22


class Judge:
    """Asks, and compares each answer with what the document says of that operation."""

    def __init__(self, http: Client, document: dict[str, Any]) -> None:
        self.http, self.document = http.http, document
        self.seen: set[tuple[str, str]] = set()

    async def ask(
        self, method: str, template: str, status: int, *, path: dict[str, Any] | None = None, **how: Any
    ) -> Any:
        response = await self.http.request(method, template.format(**(path or {})), **how)
        assert response.status_code == status, (template, response.text)
        if status < 400:
            self.seen.add((method, template))
        answer = self.document["paths"][template][method.lower()]["responses"][str(status)]
        if "$ref" in answer:
            answer = self.document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
        content = answer.get("content", {})
        kind = response.headers.get("content-type", "").partition(";")[0]
        assert kind in content or (not content and not response.content), (template, kind)
        if kind != "application/json":
            return response.content
        check(self.document, content[kind]["schema"], response.json())
        return response.json()


async def test_http_answers_are_as_promised(running: Running, http: Client) -> None:
    document = (await http.http.get("/openapi.json")).json()
    validate(document)
    judge = Judge(http, document)
    ask = judge.ask
    image = await ask("POST", "/api/images", 201, content=image_bytes((9, 8, 7)))
    await ask("POST", "/api/images", 200, files={"file": image_bytes((9, 8, 7))})
    await ask("POST", "/api/images", 415, content=b"no picture")
    spare = await ask("POST", "/api/images", 201, content=image_bytes((7, 8, 9)))
    for status in (204, 404):
        headers = {"X-Duostyle-Key": spare["key"]}
        await ask("DELETE", "/api/images/{image}", status, path={"image": spare["id"]}, headers=headers)
    for size, status in ((64, 200), (3, 422)):
        await ask("GET", "/api/images/{image}", status, path={"image": image["id"]}, params={"size": size})
    order = {"content": image["id"], "styles": [image["id"]] * 2, "params": {"iterations": 3}}
    await ask("POST", "/api/preview", 200, json={**order, "max_px": 64})
    job = await ask("POST", "/api/jobs", 202, json=order)
    await ask("POST", "/api/jobs", 422, json={**order, "params": {"size": 1}})
    where, key = {"job": job["job"]}, {"Authorization": f"Bearer {job['key']}"}
    async with socket(running.url) as watcher:
        if (await watcher.watch(job["job"]))["status"] != "completed":
            await watcher.until("completed")
    state = await ask("GET", "/api/jobs/{job}", 200, path=where)
    assert (state["status"], state["report"]["share"]) == ("completed", [0.25, 0.75])
    await ask("GET", "/api/jobs/{job}", 404, path={"job": UNKNOWN})
    for format in ("png", "jpg", "webp"):
        await ask("GET", "/api/jobs/{job}/result.{format}", 200, path={**where, "format": format})
    await ask("GET", "/api/jobs/{job}/frame.jpg", 200, path=where)
    recorded = await ask("GET", "/api/jobs/{job}/timelapse.json", 200, path=where)
    first = {**where, "n": recorded["frames"][0]["n"]}
    await ask("GET", "/api/jobs/{job}/timelapse/{n}.jpg", 200, path=first)
    for format in recorded["formats"]:
        await ask("GET", "/api/jobs/{job}/timelapse.{format}", 200, path={**where, "format": format})
    await ask("POST", "/api/jobs/{job}/cancel", 403, path=where)
    await ask("POST", "/api/jobs/{job}/cancel", 200, path=where, headers=key)
    await ask("DELETE", "/api/jobs/{job}", 204, path=where, headers=key)
    await ask("POST", "/api/preview", 404, json=order)
    for path in (
        "/",
        "/openapi.json",
        "/asyncapi.json",
        "/api/gallery",
        "/api/limits",
        "/livez",
        "/readyz",
        "/status",
        "/api/status",
        "/metrics",
    ):
        await ask("GET", path, 200)
    promised = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert promised == judge.seen, "every operation has been asked"


async def test_socket_messages_are_as_promised(running: Running, http: Client) -> None:
    document = (await http.http.get("/asyncapi.json")).json()
    assert document["servers"]["this"]["host"] == running.url.removeprefix("http://")
    image = await http.upload()
    heard: list[dict[str, Any]] = []
    async with socket(running.url) as watcher:
        order = {"content": image, "styles": [image], "params": {"iterations": 400}}
        await watcher.send("submit", **order, ref="s", frames={"max_fps": 10})
        accepted = await watcher.until("accepted")
        keyed = {"job": accepted["job"], "key": accepted["key"]}
        await watcher.send("subscribe", job=accepted["job"], ref="w")
        await watcher.send("pause", **keyed, ref="p")
        await watcher.send("update", **keyed, params={"style_weight": 5, "masks": None}, ref="u")
        await watcher.send("resume", **keyed)
        await watcher.send("ping", ref="x")
        await watcher.send("update", **keyed, params={"size": 5})
        heard += await watcher.all_until("completed")
        await watcher.send("submit", **{**order, "params": {"iterations": 5000}})
        second = await watcher.until("accepted")
        await watcher.send("cancel", job=second["job"], key=second["key"])
        heard += [accepted, second, *await watcher.all_until("cancelled")]
    async with socket(running.url) as again:
        heard.append(await again.watch(accepted["job"], frames={}))
    for message in heard:
        image_data = message.pop("image", None)
        schema = document["components"]["messages"][message["type"]]["payload"]
        if image_data is not None:
            schema = schema["x-header"]
        check(document, schema, message)
    kinds = {message["type"] for message in heard}
    assert kinds >= {
        "accepted",
        "state",
        "progress",
        "frame",
        "ok",
        "updated",
        "pong",
        "error",
        "completed",
        "cancelled",
    }

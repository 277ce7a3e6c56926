"""Every link of /openapi.json leads on: what one answer has makes a request that is answered well.

From the upload to the last frame, as a program would go that knows nothing but the document.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.fake_engine import image_bytes
from tests.support.real_server.http_client import Client
from tests.support.real_server.running import Running
from tests.support.real_server.socket_client import socket

pytestmark = pytest.mark.real_server


class Traveller:
    """Follows the links of a document; counts those that it has followed."""

    def __init__(self, http: Client, document: dict[str, Any]) -> None:
        self.http = http.http
        self.followed: set[tuple[str, str]] = set()
        self.operations = {
            operation["operationId"]: (method.upper(), path, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        }

    def links(self, operation: str, status: int) -> dict[str, Any]:
        found: dict[str, Any] = self.operations[operation][2]["responses"][str(status)].get("links", {})
        return found

    async def follow(self, operation: str, status: int, body: Any, link: str) -> Any:
        """The body of the answer that this link of an answer leads to, which must be a good one."""
        made = self.links(operation, status)[link]
        method, path, target = self.operations[made["operationId"]]
        places = {parameter["name"]: parameter["in"] for parameter in target.get("parameters", [])}
        given: dict[str, dict[str, str]] = {"path": {}, "query": {}, "header": {}}
        for name, expression in made.get("parameters", {}).items():
            bare = name.rpartition(".")[2]
            given[places[bare]][bare] = evaluated(expression, body)
        content = evaluated(made["requestBody"], body) if "requestBody" in made else None
        response = await self.http.request(
            method, path.format(**given["path"]), params=given["query"], headers=given["header"], json=content
        )
        assert response.status_code < 300, (operation, link, response.text)
        assert str(response.status_code) in target["responses"]
        self.followed.add((operation, link))
        return response.json() if response.headers.get("content-type") == "application/json" else response.content


def evaluated(expression: Any, body: Any) -> Any:
    """A runtime expression, also one in braces, or a whole body of them; anything else is itself."""
    if isinstance(expression, dict):
        return {name: evaluated(value, body) for name, value in expression.items()}
    if isinstance(expression, list):
        return [evaluated(value, body) for value in expression]
    bare = expression.strip("{}")
    if not bare.startswith("$response.body#/"):
        return expression
    for step in bare.removeprefix("$response.body#/").split("/"):
        body = body[int(step)] if isinstance(body, list) else body[step]
    return body


async def test_every_link_leads_on(running: Running, http: Client) -> None:
    document = (await http.http.get("/openapi.json")).json()
    traveller = Traveller(http, document)
    uploaded = json.loads((await http.http.post("/api/images", content=image_bytes((7, 8, 9)))).content)
    follow = traveller.follow
    for link in sorted(traveller.links("upload", 201).keys() - {"submit", "giveUp"}):
        await follow("upload", 201, uploaded, link)
    accepted = await follow("upload", 201, uploaded, "submit")
    async with socket(running.url) as watcher:
        if (await watcher.watch(accepted["job"]))["status"] != "completed":
            await watcher.until("completed")
    for operation, status, body in (
        ("submit", 202, accepted),
        ("state", 200, await follow("submit", 202, accepted, "state")),
        ("timelapse", 200, await follow("submit", 202, accepted, "timelapse")),
    ):
        for link in sorted(traveller.links(operation, status).keys() - {"forget"}):
            await follow(operation, status, body, link)
    await follow("submit", 202, accepted, "forget")
    # which took its pictures with it
    unused = json.loads((await http.http.post("/api/images", content=image_bytes((9, 8, 7)))).content)
    await follow("upload", 201, unused, "giveUp")
    # the gallery of this server is empty
    promised = {
        (operation, link)
        for operation, (_, _, made) in traveller.operations.items()
        for answer in made["responses"].values()
        for link in answer.get("links", {})
        if operation != "gallery"
    }
    assert traveller.followed == promised

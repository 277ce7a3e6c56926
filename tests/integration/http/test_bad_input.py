"""What a job may not ask for is refused with the field's name, whichever way it comes."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.support.fake_engine import FakeEngine, image_bytes
from tests.support.real_server.http_client import Client
from tests.support.real_server.running import Running
from tests.support.real_server.socket_client import socket

pytestmark = pytest.mark.real_server

# as JSON text, since Python's floats have more than JSON
PARAMS = [
    ('{"content_weight":NaN}', "params.content_weight"),
    ('{"style_weight":Infinity}', "params.style_weight"),
    ('{"tv_weight":-Infinity}', "params.tv_weight"),
    ('{"style_weight":1e999}', "params.style_weight"),
    ('{"style_weight":-1}', "params.style_weight"),
    ('{"style_weight":"20"}', "params.style_weight"),
    ('{"style_weight":true}', "params.style_weight"),
    ('{"preserve_color":1.01}', "params.preserve_color"),
    ('{"style_mix":[1,NaN]}', "params.style_mix.1"),
    ('{"style_mix":[1,-1]}', "params.style_mix.1"),
    ('{"style_mix":[0,0]}', "params.style_mix"),
    ('{"style_mix":[1]}', "params.style_mix"),
    ('{"style_scale":[1,NaN]}', "params.style_scale"),
    ('{"style_layer_weights":{"relu9_9":1}}', "params.style_layer_weights.relu9_9"),
    ('{"style_layer_weights":{"relu1_1":NaN}}', "params.style_layer_weights.relu1_1"),
    ('{"style_layer_weights":{"relu1_1":-1}}', "params.style_layer_weights.relu1_1"),
    ('{"style_layer_weights":{"relu1_1":0}}', "params.style_layer_weights"),
    ('{"content_layer":"relu9_9"}', "params.content_layer"),
    ('{"size":NaN}', "params.size"),
    ('{"size":64.5}', "params.size"),
    ('{"seed":-1}', "params.seed"),
    ('{"iterations":0}', "params.iterations"),
    ('{"masks":[]}', "params.masks"),
    ('{"masks":["auto"]}', "params.masks"),
    (json.dumps({"masks": [None, "sha256:" + "0" * 63]}), "params.masks"),
    ('{"masks":"upside-down"}', "params.masks"),
    ('{"colour":1}', "params.colour"),
    ("[]", "params"),
    ('"x"', "params"),
]


def check(error: dict[str, Any], field: str) -> None:
    assert error["code"] == "bad_request", error
    # a list may be refused as a whole or by its entry: the path leads to it in either case
    assert error["field"] == field, error
    assert error["message"]
    assert "limit" in error


@pytest.mark.parametrize(("params", "field"), PARAMS, ids=[row[0][:40] for row in PARAMS])
async def test_parameters(running: Running, http: Client, params: str, field: str) -> None:
    image = await http.upload()
    job = f'"content":"{image}","styles":["{image}","{image}"],"params":{params}'
    response = await http.http.post("/api/jobs", content="{" + job + "}", headers={"Content-Type": "application/json"})
    assert response.status_code == 422
    check(response.json()["error"], field)
    png = image_bytes()
    files = [("content", ("c", png)), ("style", ("s", png)), ("style", ("s", png))]
    response = await http.http.post("/api/jobs", files=files, data={"params": params})
    assert response.status_code == 422
    check(response.json()["error"], field)
    async with socket(running.url) as talker:
        await talker.connection.send('{"type":"submit","ref":"r",' + job + "}")
        error = await talker.until("error", "accepted")
        assert error["ref"] == "r"
        check(error, field)


@pytest.mark.parametrize(
    ("address", "field", "limit"),
    [
        ("result.png?depth=12", "depth", "8 or 16"),
        ("result.png?depth=", "depth", "8 or 16"),
        ("result.jpg?depth=16", "depth", "8, or result.png or .tiff"),
        ("result.webp?depth=16", "depth", "8, or result.png or .tiff"),
        ("result.png?dpi=0", "dpi", "whole number from 1 to 10000"),
        ("result.tiff?dpi=10001", "dpi", "whole number from 1 to 10000"),
        ("result.jpg?dpi=72.5", "dpi", "whole number from 1 to 10000"),
        ("result.webp?dpi=", "dpi", "whole number from 1 to 10000"),
        ("result.png?dpi=%D9%A3", "dpi", "whole number from 1 to 10000"),
        ("result.png?partial=2", "partial", "0 or 1"),
    ],
)
async def test_what_a_result_cannot_be(http: Client, address: str, field: str, limit: str) -> None:
    response = await http.http.get(f"/api/jobs/{'j' * 22}/{address}")
    assert response.status_code == 422
    check(response.json()["error"], field)
    assert response.json()["error"]["limit"] == limit


@pytest.mark.parametrize("count", [0, 5])
async def test_no_style_and_five(running: Running, http: Client, count: int) -> None:
    image = await http.upload()
    response = await http.http.post("/api/jobs", json={"content": image, "styles": [image] * count})
    assert response.status_code == 422
    check(response.json()["error"], "styles")
    async with socket(running.url) as talker:
        await talker.send("submit", content=image, styles=[image] * count)
        check(await talker.until("error", "accepted"), "styles")


@pytest.mark.parametrize(
    ("path", "field", "got"),
    [
        ("/api/images", "title", "x"),
        ("/api/images", "title", "x" * 3000),
        ("/api/jobs", "size", "64"),
        ("/api/jobs", "params", "{}"),
    ],
)
async def test_a_form_field_too_many_is_named(http: Client, path: str, field: str, got: str) -> None:
    png = image_bytes()
    if path == "/api/images":
        files, data = [("file", ("f", png))], {}
    else:
        files, data = [("content", ("c", png)), ("style", ("s", png))], {"params": "{}"}
    extra = [(field, (None, got))]
    given = [(name, (None, value)) for name, value in data.items()]
    response = await http.http.post(path, files=[*files, *given, *extra])
    assert response.status_code == 422
    error = response.json()["error"]
    check(error, field)
    assert error["message"] == (
        "the form has params more than once" if field == "params" else f"unknown form field {field}"
    )


async def test_a_text_of_a_form_that_is_too_long_is_named(http: Client) -> None:
    png = image_bytes()
    files: list[tuple[str, tuple[str | None, str | bytes]]] = [
        *(("content", ("c", png)), ("style", ("s", png))),
        ("params", (None, "x" * 70_000)),
    ]
    response = await http.http.post("/api/jobs", files=files)
    assert response.status_code == 422
    error = response.json()["error"]
    check(error, "params")
    assert (error["limit"], error["reached"]) == (2**16, "max_message_bytes")


async def test_a_form_beyond_measure_is_refused_at_its_first_field_too_many(http: Client) -> None:
    files: list[tuple[str, tuple[str | None, str | bytes]]] = [
        ("file", ("f", image_bytes())),
        *((f"n{n}", (None, "x" * 70_000)) for n in range(30)),
    ]
    response = await http.http.post("/api/images", files=files)
    assert (response.status_code, response.json()["error"]["message"]) == (422, "unknown form field n0")


async def test_a_black_mask_is_refused_and_one_of_another_shape_is_not(running: Running, http: Client) -> None:
    image = await http.upload()
    black = await http.upload(image_bytes((0, 0, 0), (5, 9)))
    grey = await http.upload(image_bytes((1, 1, 1), (40, 2)))
    job = {"content": image, "styles": [image, image]}
    response = await http.http.post("/api/jobs", json={**job, "params": {"masks": [grey, black]}})
    assert response.status_code == 422
    check(response.json()["error"], "params.masks.1")
    async with socket(running.url) as talker:
        await talker.send("submit", **job, params={"masks": [black, None]})
        check(await talker.until("error", "accepted"), "params.masks.0")
    response = await http.http.post("/api/jobs", json={**job, "params": {"masks": [grey, None]}})
    assert response.status_code == 202


async def test_a_live_change_is_checked_alike(start: Any) -> None:
    running = start(FakeEngine(gated=True))
    async with socket(running.url) as talker:
        async with httpx.AsyncClient(base_url=running.url) as raw:
            http = Client(raw)
            image = await http.upload()
            black = await http.upload(image_bytes((0, 0, 0)))
        await talker.send("submit", content=image, styles=[image, image])
        accepted = await talker.until("accepted")
        for params, field in (
            ('{"style_weight":NaN}', "params.style_weight"),
            ('{"style_mix":[1,-1]}', "params.style_mix.1"),
            (json.dumps({"masks": [black, None]}), "params.masks.0"),
            ('{"size":128}', "params.size"),
            ("{}", "params"),
        ):
            update = {"type": "update", "job": accepted["job"], "key": accepted["key"], "params": "%"}
            await talker.connection.send(json.dumps(update).replace('"%"', params))
            check(await talker.until("error", "ok"), field)

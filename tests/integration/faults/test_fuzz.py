"""Whatever is sent, the answer is the contract's: no 500, no HTML, errors from the closed list."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duostyle.params import StyleParams
from duostyle.protocol.outgoing import text
from tests.support.contract import CONTRACT
from tests.support.fake_engine import image_bytes
from tests.support.real_server.running import Running
from tests.support.real_server.socket_client import socket

pytestmark = pytest.mark.real_server

FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]
PIECES = [
    "api",
    "jobs",
    "images",
    "static",
    "ws",
    "result.png",
    "result.",
    "frame.jpg",
    "timelapse.mp4",
    "cancel",
    "..",
]
PIECES += [
    "",
    "%00",
    "%2e%2e",
    "%ff",
    "sha256:" + "0" * 64,
    "x" * 300,
    "js",
    "index.html",
    "limits",
    "gallery",
    "readyz",
]
KINDS = [
    "application/json",
    "multipart/form-data; boundary=b",
    "image/png",
    "application/octet-stream",
    "text/html",
    "",
]
KINDS += ["application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=" + "b" * 300]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
PARAMS = st.dictionaries(st.sampled_from(list(StyleParams.model_fields)) | st.text(max_size=8), JSON, max_size=4)


@pytest.fixture(scope="module")
def http(running: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.url, timeout=30) as http:
        yield http


def check(response: httpx.Response) -> None:
    assert response.status_code < 500 or response.status_code in (501, 503), response.text
    if response.status_code >= 400 and response.request.method != "HEAD":
        assert response.headers["content-type"] == "application/json"
        error = response.json()["error"]
        assert CONTRACT[error["code"]] == response.status_code
        assert error["message"]
        assert "Traceback" not in response.text


@FUZZ
@given(
    method=st.sampled_from(METHODS),
    pieces=st.lists(st.sampled_from(PIECES) | st.text(alphabet="abz09-_.~", max_size=12), max_size=5),
    query=st.text(max_size=20),
    kind=st.sampled_from(KINDS),
    body=st.binary(max_size=200),
    authorization=st.sampled_from(["", "Bearer", "Bearer x", "Basic eA==", "Bearer " + "x" * 500]),
)
def test_any_path_method_and_body(
    http: httpx.Client, method: str, pieces: list[str], query: str, kind: str, body: bytes, authorization: str
) -> None:
    path = "/" + "/".join(pieces)
    raw_path = path.encode() + b"?" + str(httpx.QueryParams(q=query, size=query, partial=query)).encode()
    url = httpx.URL(str(http.base_url)).copy_with(raw_path=raw_path)
    headers = {"Content-Type": kind, "Authorization": authorization}
    check(http.request(method, url, content=body, headers=headers))


@FUZZ
@given(content=JSON, styles=JSON, params=JSON)
def test_any_json_job(http: httpx.Client, content: Any, styles: Any, params: Any) -> None:
    body = json.dumps({"content": content, "styles": styles, "params": params})
    check(http.post("/api/jobs", content=body, headers={"Content-Type": "application/json"}))


@FUZZ
@given(params=PARAMS)
def test_any_parameters_of_a_real_job(http: httpx.Client, params: dict[str, Any]) -> None:
    image = http.post("/api/images", content=image_bytes()).json()["id"]
    body = json.dumps({"content": image, "styles": [image], "params": params})
    response = http.post("/api/jobs", content=body, headers={"Content-Type": "application/json"})
    check(response)
    if response.status_code == 202:
        accepted = response.json()
        key = {"Authorization": f"Bearer {accepted['key']}"}
        assert http.delete(f"/api/jobs/{accepted['job']}", headers=key).status_code == 204


# The form parser leaves the temporary file of a part that never ended to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@FUZZ
@given(
    parts=st.lists(
        st.tuples(
            st.sampled_from(["content", "style", "params", "file", "é", ""]),
            st.sampled_from(["", '; filename="a.png"', '; filename=""', '; filename="../../x"']),
            st.sampled_from([image_bytes(), b"", b"{}", b'{"size":64}', b"\xff\x00", b"--b--"]),
        ),
        max_size=8,
    ),
    path=st.sampled_from(["/api/jobs", "/api/images"]),
    ending=st.sampled_from([b"--b--\r\n", b"--b", b""]),
)
def test_any_form(http: httpx.Client, parts: list[tuple[str, str, bytes]], path: str, ending: bytes) -> None:
    body = b""
    for name, filename, data in parts:
        head = f'--b\r\nContent-Disposition: form-data; name="{name}"{filename}\r\n\r\n'
        body += head.encode() + data + b"\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    check(http.post(path, content=body + ending, headers=headers))


TYPES = ["submit", "subscribe", "unsubscribe", "cancel", "update", "pause", "resume", "ack", "preview", "ping", "nope"]
FIELDS = st.sampled_from(["job", "key", "params", "content", "styles", "frames", "after", "seq", "ref"])


@settings(FUZZ, max_examples=15)
@given(
    messages=st.lists(
        st.text(max_size=30)
        | st.builds(
            lambda kind, fields: json.dumps({**fields, "type": kind}),
            st.sampled_from(TYPES) | JSON,
            st.dictionaries(FIELDS, JSON, max_size=5),
        ),
        max_size=20,
    )
)
def test_any_messages_leave_the_socket_alive(running: Running, messages: list[str]) -> None:
    async def talk() -> None:
        async with socket(running.url) as watcher:
            for message in messages:
                await watcher.connection.send(message)
            await watcher.connection.send(text("ping", ref="still there"))
            while (answer := await watcher.receive()).get("ref") != "still there":
                assert answer["type"] in ("error", "pong"), answer
                assert answer.get("code", "bad_request") != "internal"

    asyncio.run(talk())

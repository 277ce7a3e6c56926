"""Uploads, good and hostile, and the pictures that come back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from PIL import Image

from duostyle.imaging import decode as images
from duostyle.imaging.decode import sniff
from tests.support.fake_engine import image_bytes
from tests.support.picture_files import saved
from tests.support.real_server.http_client import Client
from tests.support.real_server.running import Running

pytestmark = pytest.mark.real_server

PNG = image_bytes()
BOUNDARY = "multipart/form-data; boundary=b"


def code(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/json"
    error = response.json()["error"]
    assert error["message"]
    return response.status_code, error["code"]


@pytest.mark.parametrize("kind", ["image/png", "image/x-anything", "application/octet-stream", None])
async def test_the_same_picture_is_new_once(http: Client, kind: str | None) -> None:
    data = image_bytes((len(kind or ""), 77, 7))
    headers = {} if kind is None else {"Content-Type": kind}
    first = await http.http.post("/api/images", content=data, headers=headers)
    again = await http.http.post("/api/images", files={"file": ("x.png", data)})
    assert (first.status_code, again.status_code) == (201, 200)
    expected = {
        "id": images.image_id(data),
        "width": 16,
        "height": 12,
        "format": "png",
        "bytes": len(data),
        "notes": [],
    }
    keys = [dict(answer.json()).pop("key") for answer in (first, again)]
    assert keys[0] != keys[1]
    assert first.json() == expected | {"key": keys[0]}
    assert again.json() == expected | {"key": keys[1]}


async def test_what_was_done_to_a_picture_is_noted(http: Client) -> None:
    data = saved(Image.new("RGBA", (16, 12), (9, 9, 9, 0)))
    for status in (201, 200):
        answer = await http.http.post("/api/images", content=data)
        assert answer.status_code == status
        assert answer.json()["notes"] == ["transparent parts are laid on white, unless transparency is kept"]


async def test_an_upload_is_deleted_with_its_key(http: Client) -> None:
    data = image_bytes((1, 2, 99))
    mine, another = [(await http.http.post("/api/images", content=data)).json() for _ in range(2)]
    address = f"/api/images/{mine['id']}"
    for headers in ({}, {"X-Duostyle-Key": "wrong"}, {"Authorization": "Bearer wrong"}):
        assert code(await http.http.delete(address, headers=headers)) == (403, "forbidden")
    # it was uploaded twice, so it stays for the other
    assert (await http.http.delete(address, headers={"X-Duostyle-Key": mine["key"]})).status_code == 204
    assert (await http.http.get(address)).status_code == 200
    assert code(await http.http.delete(address, headers={"X-Duostyle-Key": mine["key"]})) == (403, "forbidden")
    bearer = {"Authorization": f"Bearer {another['key']}"}
    assert (await http.http.delete(address, headers=bearer)).status_code == 204
    assert code(await http.http.get(address)) == (404, "not_found")
    assert code(await http.http.delete(address, headers=bearer)) == (404, "not_found")


async def test_a_picture_comes_back_without_metadata_and_is_cached(http: Client) -> None:
    image = await http.upload()
    full = await http.http.get(f"/api/images/{image}")
    assert images.decode(full.content) == images.decode(PNG)
    assert "immutable" in full.headers["cache-control"]
    thumb = await http.http.get(f"/api/images/{image}", params={"size": 16})
    assert sniff(thumb.content) == "jpeg"
    assert thumb.headers["etag"] != full.headers["etag"]
    cached = await http.http.get(f"/api/images/{image}", headers={"If-None-Match": full.headers["etag"]})
    assert (cached.status_code, cached.content) == (304, b"")
    head = await http.http.head(f"/api/images/{image}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == full.headers["content-length"]


@pytest.mark.parametrize("size", ["0", "15", "4097", "-1", "1e3", "abc", "", "٣٠", "9" * 5000])
async def test_sizes_out_of_range_are_named(http: Client, size: str) -> None:
    image = await http.upload()
    response = await http.http.get(f"/api/images/{image}", params={"size": size})
    assert code(response) == (422, "bad_request")
    assert response.json()["error"]["field"] == "size"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", (415, "unsupported_format")),
        (b"<svg/>", (415, "unsupported_format")),
        (PNG[:40], (422, "corrupt_image")),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), (422, "corrupt_image")),
    ],
)
async def test_what_is_no_picture_is_refused(http: Client, data: bytes, expected: tuple[int, str]) -> None:
    assert code(await http.http.post("/api/images", content=data)) == expected


async def test_a_wrong_type_of_body_is_refused(http: Client) -> None:
    response = await http.http.post("/api/images", json={"a": 1})
    assert code(response) == (415, "unsupported_format")


async def test_limits_of_pixels_and_bytes(start: Callable[..., Running]) -> None:
    running = start(max_upload_bytes=1024, max_pixels=4096)
    async with httpx.AsyncClient(base_url=running.url) as raw:
        wide = await raw.post("/api/images", content=image_bytes(size=(64, 65)))
        assert code(wide) == (413, "image_too_large")
        assert wide.json()["error"]["limit"] == 4096
        heavy = await raw.post("/api/images", content=PNG + bytes(1024))
        assert code(heavy) == (413, "image_too_large")
        assert heavy.json()["error"]["limit"] == 1024
        assert (await raw.post("/api/images", content=PNG)).status_code == 201


async def test_an_oversized_body_is_refused_before_it_is_read(start: Callable[..., Running]) -> None:
    running = start(max_upload_bytes=1024)
    reader, writer = await asyncio.open_connection(*running.listening.getsockname()[:2])
    writer.write(b"POST /api/images HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n")
    # Not one byte of the body is sent.
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
    assert head.startswith(b"HTTP/1.1 413 ")
    writer.close()


async def test_an_oversized_chunked_body_is_cut_off(start: Callable[..., Running]) -> None:
    running = start(max_upload_bytes=1024)

    async def far_more() -> AsyncIterator[bytes]:
        # but not so much that a client which reads only after sending would find the connection closed
        for _ in range(10):
            yield bytes(2**16)

    async with httpx.AsyncClient(base_url=running.url) as raw:
        response = await raw.post("/api/images", content=far_more())
        assert code(response) == (413, "image_too_large")
        metrics = (await raw.get("/metrics")).text.splitlines()
        read = next(float(line.split()[1]) for line in metrics if line.startswith("duostyle_http_body_bytes_total "))
        assert read <= 1024 + 2**16
        form = await raw.post("/api/jobs", content=far_more(), headers={"Content-Type": BOUNDARY})
        assert form.status_code in (413, 422)


@pytest.mark.parametrize(
    ("headers", "body", "field"),
    [
        ({"Content-Type": "multipart/form-data"}, b"", None),
        ({"Content-Type": BOUNDARY}, b"", "content"),
        ({"Content-Type": BOUNDARY}, b"garbage", None),
        ({"Content-Type": BOUNDARY}, b"--b\r\n\r\nx\r\n--b--\r\n", None),
        (
            {"Content-Type": BOUNDARY},
            b'--b\r\nContent-Disposition: form-data; name="content"\r\n\r\nx\r\n--b--\r\n',
            None,
        ),
        (
            {"Content-Type": BOUNDARY},
            b'--b\r\nContent-Disposition: form-data; name="what"\r\n\r\nx\r\n--b--\r\n',
            "what",
        ),
        ({"Content-Type": "application/json"}, b"{", None),
        ({"Content-Type": "application/json"}, b"[]", None),
        ({"Content-Type": "application/json"}, b"\xff\xfe", None),
        ({"Content-Type": "application/json"}, b"[" * 60_000, None),
        ({"Content-Type": "application/json"}, b'{"content":"' + b"x" * 70_000 + b'"}', None),
        ({"Content-Type": "application/json"}, b"{}", "content"),
        ({"Content-Type": "text/plain"}, b"{}", "content-type"),
        ({}, b"{}", "content-type"),
    ],
)
async def test_malformed_jobs_are_bad_requests(
    http: Client, headers: dict[str, str], body: bytes, field: str | None
) -> None:
    response = await http.http.post("/api/jobs", content=body, headers=headers)
    assert code(response) == (422, "bad_request")
    if field is not None:
        assert response.json()["error"]["field"] == field


@pytest.mark.parametrize(
    ("content", "styles", "params", "field", "expected"),
    [
        ([PNG], [], "{}", "style", "bad_request"),
        ([PNG], [PNG] * 5, "{}", None, "bad_request"),
        ([], [PNG], "{}", "content", "bad_request"),
        ([PNG, PNG], [PNG], "{}", "content", "bad_request"),
        ([b"no picture"], [PNG], "{}", "content", "unsupported_format"),
        ([PNG], [PNG, PNG[:50]], "{}", "style.1", "corrupt_image"),
        ([PNG], [PNG], "[]", "params", "bad_request"),
        ([PNG], [PNG], "{", "params", "bad_request"),
        ([PNG], [PNG], '{"size":1}', "params.size", "bad_request"),
        ([PNG], [PNG], '{"size":NaN}', "params.size", "bad_request"),
        ([PNG], [PNG], '{"colour":1}', "params.colour", "bad_request"),
    ],
)
async def test_a_form_that_does_not_fit_names_the_field(
    http: Client, content: list[bytes], styles: list[bytes], params: str, field: str | None, expected: str
) -> None:
    files: list[tuple[str, Any]] = [("content", ("c", data)) for data in content]
    files += [("style", ("s", data)) for data in styles]
    response = await http.http.post("/api/jobs", files=files, data={"params": params})
    error = response.json()["error"]
    assert error["code"] == expected
    if field is not None:
        assert error["field"] == field


async def test_json_jobs_with_unknown_pictures_are_not_found(http: Client) -> None:
    known = await http.upload()
    job = {"content": known, "styles": ["sha256:" + "0" * 64]}
    response = await http.http.post("/api/jobs", json=job)
    assert code(response) == (404, "not_found")
    assert response.json()["error"]["field"] == "styles.0"
    surrogate = json.dumps({"content": "\ud800", "styles": [known]})
    response = await http.http.post("/api/jobs", content=surrogate, headers={"Content-Type": "application/json"})
    assert code(response) == (422, "bad_request")

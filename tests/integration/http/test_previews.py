"""POST /api/preview: the instant picture for programs."""

from __future__ import annotations

import pytest

from duostyle.imaging.decode import decode, sniff
from tests.support.fake_engine import image_bytes
from tests.support.real_server.http_client import Client

pytestmark = pytest.mark.real_server


async def test_a_preview_over_http(http: Client) -> None:
    content, style = [await http.upload(image_bytes(color, (40, 20))) for color in ((1, 2, 3), (4, 5, 6))]
    order = {"content": content, "styles": [style], "params": {"style_weight": 5.0}, "max_px": 100}
    response = await http.http.post("/api/preview", json=order)
    assert (response.status_code, response.headers["content-type"]) == (200, "image/jpeg")
    assert response.headers["cache-control"] == "no-store"
    assert sniff(response.content) == "jpeg"
    picture = decode(response.content)
    assert (picture.width, picture.height) == (100, 50)


async def test_a_bad_request_names_its_field(http: Client) -> None:
    style = await http.upload(image_bytes())
    for order, field, status in (
        ({"content": style, "styles": [style] * 5}, "styles", 422),
        ({"content": style, "styles": [style], "max_px": 1}, "max_px", 422),
        ({"content": "sha256:" + "0" * 64, "styles": [style]}, "content", 404),
    ):
        response = await http.http.post("/api/preview", json=order)
        assert (response.status_code, response.json()["error"]["field"]) == (status, field)
    response = await http.http.post("/api/preview", content=b"x", headers={"content-type": "text/plain"})
    assert (response.status_code, response.json()["error"]["field"]) == (422, "content-type")

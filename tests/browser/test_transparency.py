"""A cut-out on the page: kept transparent through the crop, the painting and the download."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from duostyle.imaging.decode import decode_with_alpha
from duostyle.picture import Picture
from tests.support.browser.actions import next_frame, status, tile, upload
from tests.support.browser.site import SIZE, Site
from tests.support.fake_engine import picture_of
from tests.support.picture_files import saved

pytestmark = [pytest.mark.browser, pytest.mark.real_server]
Open = Callable[..., Page]

# the alpha of the canvas at its left and at its right edge
EDGES = """() => {
  const canvas = document.querySelector(".painting");
  const pen = canvas.getContext("2d");
  return [0, canvas.width - 1].map((x) => pen.getImageData(x, 4, 1, 1).data[3]);
}"""

# red, green and blue at the right edge of the little picture
CORNER = """async () => {
  const image = document.querySelector(".paintings-tile img");
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: image.naturalWidth, height: 8 });
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  return [...pen.getImageData(canvas.width - 3, 4, 1, 1).data].slice(0, 3);
}"""


def cut_out(width: int, height: int) -> Image.Image:
    """Red on the left, nothing on the right."""
    image = Image.new("RGBA", (width, height), (255, 255, 255, 0))
    image.paste((200, 20, 20, 255), (0, 0, width // 2, height))
    return image


def half_seen(step: int, width: int, height: int) -> Picture:
    """The fake engine's picture after a step, of which the right half cannot be seen."""
    return replace(picture_of(step, width, height), alpha=(bytes([255]) * (width // 2) + bytes(width // 2)) * height)


def test_a_cut_out_is_painted_and_downloaded_as_one(site: Site, open_page: Open) -> None:
    site.engine.paint = half_seen
    page = open_page()
    upload(page, ".slots-content", saved(cut_out(90, 60)))
    tile(page, "Red")
    expect(page.locator(".slot.filled")).to_have_count(2)
    page.locator("#advanced summary").click()
    page.get_by_label("Transparent parts").select_option("kept transparent")
    page.get_by_role("button", name="Launch", exact=True).click()
    status(page, "running")
    # frames are JPEG, laid on white; the picture at the end is not drawn over them
    next_frame(site, page)
    assert page.evaluate(EDGES) == [255, 255]
    site.engine.release(200)
    status(page, "completed")
    page.wait_for_function(f"() => ({EDGES})()[1] === 0")
    assert page.evaluate(EDGES) == [255, 0]
    # the little picture of it is a JPEG
    expect(page.locator(".paintings-tile img")).to_have_count(1)
    assert min(page.evaluate(CORNER)) > 240
    with page.expect_download() as download:
        page.locator("[data-format=png]").click()
    with Image.open(download.value.path()) as image:
        assert (image.mode, image.size) == ("RGBA", SIZE)
    (painter,) = site.engine.painters
    assert painter.request.params.transparency == "keep"
    assert painter.request.content.alpha == cut_out(90, 60).getchannel("A").tobytes()


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_a_part_of_a_cut_out_is_cut_out_as_well(site: Site, open_page: Open, format: str) -> None:
    page = open_page()
    page.locator(".slots-content input[type=file]").first.set_input_files(
        {
            "name": f"cut.{format.lower()}",
            "mimeType": f"image/{format.lower()}",
            "buffer": saved(cut_out(90, 60), format),
        }
    )
    expect(page.locator(".slots-content .filled")).to_have_count(1)
    page.locator(".slots-content .slot-face").hover()
    page.get_by_role("button", name="Crop content").click()
    page.get_by_role("radio", name="1 : 1").check()
    with page.expect_response("**/api/images") as answer:
        page.get_by_role("button", name="Use this part").click()
    stored = page.request.get(f"{site.address}api/images/{answer.value.json()['id']}").body()
    with Image.open(io.BytesIO(stored)) as image:
        assert image.size == (60, 60)
    # the middle of 90 px: 15 to 75, of which 45 are seen
    assert decode_with_alpha(stored).alpha == (bytes([255]) * 30 + bytes(30)) * 60

"""Getting pictures in: the first visit, large photos, cropping, odd formats, the camera."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, Response, Route, expect

from tests.browser.conftest import GUARD_MS
from tests.support.browser.actions import status, tile
from tests.support.browser.site import Site
from tests.support.picture_files import heif

pytestmark = [pytest.mark.browser, pytest.mark.real_server]
Open = Callable[..., Page]
FRAME_MS = 16
RED, BLUE = (200, 20, 20), (20, 20, 200)


def photo(width: int, height: int, *, format: str = "JPEG", orientation: int = 1) -> bytes:
    """Left half red, right half blue as stored; `orientation` says how it is to be turned."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    image.save(out, format, **({} if format in ("BMP", "ICO") else {"exif": exif}))
    return out.getvalue()


def give(page: Page, data: bytes, name: str = "holiday.jpg", kind: str = "image/jpeg") -> dict[str, Any]:
    """Choose a file as the content; what the server says of it."""
    with page.expect_response("**/api/images") as answer:
        page.locator(".slots-content input[type=file]").first.set_input_files(
            {"name": name, "mimeType": kind, "buffer": data}
        )
    return said(answer.value)


def caught(page: Page, held: list[Route]) -> Route:
    """Wait until a request is held back."""
    for _ in range(GUARD_MS // FRAME_MS):
        if held:
            return held.pop()
        page.evaluate("() => new Promise(requestAnimationFrame)")
    pytest.fail("no request came")


def said(answer: Response) -> dict[str, Any]:
    assert answer.status in (200, 201)
    return dict(answer.json())


def colors(site: Site, page: Page, stored: dict[str, Any]) -> list[list[str]]:
    """Of a stored picture the colours of its four quarters, as rows."""
    data = page.request.get(f"{site.address}api/images/{stored['id']}").body()
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    rows, columns = pixels.shape[0], pixels.shape[1]
    quarters = [[pixels[rows * y // 4, columns * x // 4] for x in (1, 3)] for y in (1, 3)]
    return [["red" if red > blue else "blue" for red, _, blue in row] for row in quarters]


CAT: FilePayload = {"name": "cat.jpg", "mimeType": "image/jpeg", "buffer": photo(90, 60)}


@pytest.fixture
def newcomer(browser: Browser, site: Site) -> Iterator[Page]:
    """A page as one sees it who was never here."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    context.set_default_timeout(GUARD_MS)
    page = context.new_page()
    page.goto(site.address)
    yield page
    context.close()


def test_a_first_visit_is_one_press_away_from_a_painting_of_two_styles(site: Site, newcomer: Page) -> None:
    page = newcomer
    expect(page.locator(".slot.filled")).to_have_count(3)
    expect(page.locator(".before")).to_be_visible()
    expect(page.locator("#welcome")).to_be_visible()
    page.get_by_role("button", name="Launch", exact=True).click()
    status(page, "running")
    expect(page.locator("#welcome")).to_be_hidden()
    site.engine.release(500)
    status(page, "completed")
    assert len(site.engine.painters[0].request.styles) == 2
    expect(page.locator("[data-format=png]")).to_be_visible()


def test_an_own_photo_takes_the_place_of_the_sample_and_stays_after_a_reload(site: Site, newcomer: Page) -> None:
    page = newcomer
    expect(page.locator("#welcome")).to_be_visible()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Use my own photo").click()
    chooser.value.set_files({"name": "cat.jpg", "mimeType": "image/jpeg", "buffer": photo(90, 60)})
    expect(page.locator(".slots-content .slot-face")).to_have_attribute("aria-label", "Content: cat")
    expect(page.locator("#welcome")).to_be_hidden()
    page.reload()
    expect(page.locator(".slots-content .slot-face")).to_have_attribute("aria-label", "Content: cat")
    expect(page.locator("#welcome")).to_be_hidden()


def test_a_large_photo_is_sent_smaller_and_upright_unless_full_size_is_asked_for(site: Site, open_page: Open) -> None:
    page = open_page()
    # turned a quarter to the right by who shows it: red comes to the top
    stored = give(page, photo(3600, 2400, orientation=6))
    assert (stored["width"], stored["height"]) == (2048, 3072)
    assert colors(site, page, stored) == [["red", "red"], ["blue", "blue"]]
    note = page.locator(".note").first
    expect(note).to_contain_text("Content: reduced from 2400 × 3600 to 2048 × 3072 px.")
    with page.expect_response("**/api/images") as answer:
        note.get_by_role("button", name="Send in full size").click()
    full = said(answer.value)
    assert (full["width"], full["height"]) == (2400, 3600)
    assert colors(site, page, full) == [["red", "red"], ["blue", "blue"]]
    expect(note).to_have_text("")


def test_a_picture_chosen_before_the_first_answers_are_there_stays(site: Site, newcomer: Page) -> None:
    page = newcomer
    held: list[Route] = []
    for path in ("**/api/gallery", "**/api/images"):
        page.route(path, lambda route: held.append(route))
    page.reload(wait_until="commit")
    gallery = caught(page, held)
    page.wait_for_selector("#connection[data-state=open]")
    page.locator(".slots-content input[type=file]").first.set_input_files(CAT)
    upload = caught(page, held)
    gallery.continue_()
    tile(page, "Red")
    upload.continue_()
    expect(page.locator(".slots-content .slot-face")).to_have_attribute("aria-label", "Content: cat")
    expect(page.locator(".slot.filled")).to_have_count(2)


def test_a_launch_waits_for_the_pictures_that_are_on_their_way(site: Site, open_page: Open) -> None:
    page = open_page()
    tile(page, "Harbour")
    tile(page, "Red")
    held: list[Route] = []
    page.route("**/api/images", lambda route: held.append(route))
    press = page.get_by_role("button", name="Launch", exact=True)

    def chosen_and_launched() -> Route:
        page.locator(".slots-content input[type=file]").first.set_input_files(CAT)
        press.click()
        press.click()
        expect(page.locator("#status")).to_contain_text("still being uploaded")
        return caught(page, held)

    # what fails is said beside the slot, and the picture before it is not painted in its place
    chosen_and_launched().fulfill(status=400, json={"error": {"code": "bad_image", "message": "It is torn"}})
    expect(page.locator(".note").first).to_contain_text("It is torn")
    expect(page.locator("#status")).to_have_attribute("data-status", "idle")
    chosen_and_launched().continue_()
    status(page, "running")
    site.engine.release(500)
    status(page, "completed")
    (painter,) = site.engine.painters
    assert (painter.request.content.width, painter.request.content.height) == (90, 60)


def test_a_small_photo_is_sent_as_it_is(open_page: Open) -> None:
    page = open_page()
    data = photo(300, 200)
    assert give(page, data)["bytes"] == len(data)


def test_a_format_that_only_the_browser_reads_is_turned_into_another(site: Site, open_page: Open) -> None:
    page = open_page()
    stored = give(page, photo(256, 256, format="ICO"), "old.ico", "image/x-icon")
    assert (stored["format"], stored["width"], stored["height"]) == ("jpeg", 256, 256)
    assert colors(site, page, stored) == [["red", "blue"], ["red", "blue"]]


@pytest.mark.parametrize("format", ["TIFF", "WEBP", "PNG", "AVIF", "HEIC"])
def test_every_other_format_is_sent_as_it_is_and_cropped_from_what_the_server_makes_of_it(
    site: Site, open_page: Open, format: str
) -> None:
    page = open_page()
    # turned a quarter to the right by who shows it: red comes to the top
    upright = [["red", "red"], ["blue", "blue"]]
    if format == "HEIC":
        image = Image.new("RGB", (200, 300), RED)
        image.paste(BLUE, (0, 150, 200, 300))
        data = heif(image)
    else:
        data = photo(300, 200, format=format, orientation=6)
    stored = give(page, data, f"holiday.{format.lower()}", f"image/{format.lower()}")
    assert (stored["bytes"], stored["width"], stored["height"]) == (len(data), 200, 300)
    assert colors(site, page, stored) == upright
    expect(page.locator(".slots-content .filled")).to_have_count(1)
    page.locator(".slots-content .slot-face").hover()
    page.get_by_role("button", name="Crop content").click()
    page.get_by_role("radio", name="1 : 1").check()
    with page.expect_response("**/api/images") as answer:
        page.get_by_role("button", name="Use this part").click()
    cropped = said(answer.value)
    assert (cropped["width"], cropped["height"]) == (200, 200)
    assert colors(site, page, cropped) == upright
    # the whole photo is still there to cut from
    page.get_by_role("button", name="Crop content").click()
    expect(page.locator(".crop-note")).to_have_text("200 × 300 px")


def test_what_the_server_did_to_a_picture_is_said_beside_it(open_page: Open) -> None:
    page = open_page()
    out = io.BytesIO()
    Image.new("RGBA", (40, 30), (*RED, 100)).save(out, "PNG")
    assert give(page, out.getvalue(), "glass.png", "image/png")["notes"] == [
        "transparent parts are laid on white, unless transparency is kept"
    ]
    note = page.locator(".note").first
    expect(note).to_have_text("Content: transparent parts are laid on white, unless transparency is kept.")
    give(page, photo(300, 200))
    expect(note).to_have_text("")


def test_a_picture_is_cut_to_an_aspect_and_can_be_cut_again(site: Site, open_page: Open) -> None:
    page = open_page()
    give(page, photo(600, 200))
    expect(page.locator(".slots-content .filled")).to_have_count(1)
    page.locator(".slots-content .slot-face").hover()
    page.get_by_role("button", name="Crop content").click()
    page.get_by_role("radio", name="1 : 1").check()
    expect(page.locator(".crop-note")).to_have_text("200 × 200 px")
    page.locator(".crop-box").focus()
    for _ in range(30):
        page.keyboard.press("ArrowLeft")
    with page.expect_response("**/api/images") as answer:
        page.get_by_role("button", name="Use this part").click()
    stored = said(answer.value)
    assert (stored["width"], stored["height"]) == (200, 200)
    assert colors(site, page, stored) == [["red", "red"], ["red", "red"]]
    expect(page.locator(".slots-content .slot-face")).to_be_focused()
    # the whole photo is still there to cut from
    page.get_by_role("button", name="Crop content").click()
    expect(page.locator(".crop-note")).to_have_text("600 × 200 px")
    page.keyboard.press("Escape")
    expect(page.locator("#crop")).to_be_hidden()


def test_the_part_follows_the_pointer(site: Site, open_page: Open) -> None:
    page = open_page()
    give(page, photo(600, 200))
    expect(page.locator(".slots-content .filled")).to_have_count(1)
    page.locator(".slots-content .slot-face").hover()
    page.get_by_role("button", name="Crop content").click()
    page.get_by_role("radio", name="3 : 4").check()
    box = page.locator(".crop-box").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 2 * box["width"], y, steps=4)
    page.mouse.up()
    with page.expect_response("**/api/images") as answer:
        page.get_by_role("button", name="Use this part").click()
    assert colors(site, page, said(answer.value)) == [["blue", "blue"], ["blue", "blue"]]


def test_a_phone_offers_its_camera(browser: Browser, site: Site) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(site.address)
    page.get_by_role("button", name="Remove second style").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Take a photo: second style").click()
    assert chooser.value.element.get_attribute("capture") == "environment"
    chooser.value.set_files({"name": "snap.jpg", "mimeType": "image/jpeg", "buffer": photo(90, 60)})
    expect(page.locator(".slots-styles .slot-face").nth(1)).to_have_attribute("aria-label", "Second style (B): snap")
    context.close()

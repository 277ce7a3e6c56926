"""A painting from the first click to the download, in a real browser."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect

from duostyle.errors import OutOfMemory
from tests.support.browser.actions import launch, next_frame, painted, status, tile, upload
from tests.support.browser.site import SIZE, Site
from tests.support.fake_engine import image_bytes

pytestmark = [pytest.mark.browser, pytest.mark.real_server]
Open = Callable[..., Page]

# notes the types of the messages that the page hears
HEARD = """
window.heard = [];
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", ({ data }) => typeof data === "string" && heard.push(JSON.parse(data).type));
  }
};"""


# lets a launch ask for a size that the server refuses
SPOILT = """
window.WebSocket = class extends WebSocket {
  send(text) {
    const message = JSON.parse(text);
    if (window.spoil && message.type === "submit") message.params.size = 1;
    super.send(JSON.stringify(message));
  }
};"""


def test_upload_paint_watch_and_download(site: Site, open_page: Open) -> None:
    page = open_page()
    upload(page, ".slots-content", image_bytes((10, 20, 200), (90, 60)))
    upload(page, ".slots-styles", image_bytes((200, 20, 10)))
    expect(page.locator(".slot.filled")).to_have_count(2)
    page.get_by_role("button", name="Launch", exact=True).click()
    status(page, "running")
    steps = [next_frame(site, page) for _ in range(3)]
    assert 0 < steps[0] < steps[1] < steps[2]
    assert len(site.engine.painters[0].request.styles) == 1
    # small pictures are scaled up smoothly
    assert page.evaluate("getComputedStyle(document.querySelector('.painting')).imageRendering") == "auto"
    expect(page.locator(".status-line")).to_have_text(re.compile(r"Painting step \d+ of 200 .* left"))
    site.engine.release(200)
    status(page, "completed")
    painted(page, 200)
    expect(page.locator(".status-line")).to_contain_text("Finished in")
    expect(page.locator(".costs-legend li")).to_have_text([re.compile(n) for n in ("Total", "Content", "Style")])
    for format, kind in (("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP"), ("tiff", "TIFF")):
        with page.expect_download() as download:
            page.locator(f"[data-format={format}]").click()
        picture = Image.open(io.BytesIO(download.value.path().read_bytes()))
        assert (picture.format, picture.size) == (kind, SIZE)


def test_stop_keeps_the_picture_so_far(site: Site, open_page: Open) -> None:
    page = open_page()
    launch(page)
    next_frame(site, page)
    page.get_by_role("button", name="Stop").click()
    status(page, "cancelled")
    expect(page.locator(".status-line")).to_contain_text(re.compile(r"after step \d+"))
    painted(page, site.engine.painters[0].step)
    expect(page.locator("[data-format=png]")).to_have_attribute("href", re.compile("partial=1"))
    with page.expect_download() as download:
        page.locator("[data-format=png]").click()
    assert Image.open(io.BytesIO(download.value.path().read_bytes())).size == SIZE
    expect(page.get_by_role("button", name="Launch again")).to_be_enabled()


def test_a_refused_second_launch_is_told_and_no_end_is_left_of_the_first(
    site: Site, context: BrowserContext, open_page: Open
) -> None:
    context.add_init_script(SPOILT)
    page = open_page()
    launch(page)
    site.engine.release(200)
    status(page, "completed")
    page.evaluate("window.spoil = true")
    page.get_by_role("button", name="Launch again").click()
    status(page, "error")
    expect(page.locator(".status-line")).to_contain_text("Not started")
    expect(page.locator("#size")).to_be_focused()
    page.evaluate("window.spoil = false")
    page.get_by_role("button", name="Launch again").click()
    status(page, "running")
    assert len(site.engine.painters) == 2


def test_pause_and_resume(site: Site, open_page: Open) -> None:
    page = open_page()
    launch(page)
    next_frame(site, page)
    page.get_by_role("button", name="Pause").click()
    status(page, "paused")
    page.get_by_role("button", name="Resume").click()
    site.engine.release(500)
    status(page, "completed")


def test_a_reload_in_the_middle_loses_nothing(site: Site, open_page: Open) -> None:
    page = open_page()
    page.locator("#preserve_color").fill("40")
    launch(page, styles=("Red", "Green"))
    next_frame(site, page)
    step = next_frame(site, page)
    page.reload()
    status(page, "running")
    painted(page, step)
    expect(page.locator(".slot.filled")).to_have_count(3)
    expect(page.locator("#preserve_color")).to_have_value("40")
    assert next_frame(site, page) > step
    page.keyboard.press("Escape")
    status(page, "cancelled")
    page.reload()
    status(page, "cancelled")
    painted(page, site.engine.painters[0].step)
    expect(page.locator("#preserve_color")).to_have_value("40")
    expect(page.locator(".slot.filled")).to_have_count(3)
    assert "job=" in page.url


def test_two_styles_share_by_the_mix_and_it_is_live(site: Site, context: BrowserContext, open_page: Open) -> None:
    context.add_init_script(HEARD)
    page = open_page()
    tile(page, "Red")
    expect(page.locator("#mix")).to_be_hidden()
    expect(page.locator(".slot-letter:visible")).to_have_count(0)
    launch(page, styles=("Green",))
    expect(page.locator(".slots-styles .slot-letter")).to_have_text(["A", "B"])
    expect(page.locator("#mix .letter")).to_have_text(["A", "B"])
    next_frame(site, page)
    expect(page.locator(".costs-legend li")).to_have_text(
        [re.compile(n) for n in ("Total", "Content", "Style A", "Style B")]
    )
    assert site.engine.painters[0].params.style_mix is None
    expect(page.locator("#size")).to_be_disabled()
    page.locator("#mix input").fill("25")
    expect(page.locator("#mix output").first).to_have_text("75 %")
    page.wait_for_function("() => heard.includes('updated')")
    next_frame(site, page)
    assert site.engine.painters[0].params.style_mix == [0.75, 0.25]
    assert len(site.engine.painters[0].request.styles) == 2
    expect(page.locator(".mix-measured")).to_be_hidden()
    site.engine.release(500)
    status(page, "completed")
    expect(page.locator(".mix-measured")).to_have_text("measured share 25 % / 75 %")
    page.reload()
    status(page, "completed")
    expect(page.locator(".mix-measured")).to_have_text("measured share 25 % / 75 %")


def test_a_shared_link_shows_the_painting_without_its_controls(site: Site, open_page: Open) -> None:
    page = open_page()
    upload(page, ".slots-content", image_bytes((10, 20, 200), (90, 60)))
    tile(page, "Red")
    page.get_by_role("button", name="Launch", exact=True).click()
    page.wait_for_url("**/?job=*")
    job = page.url.split("job=")[1]
    step = next_frame(site, page)
    # another person has no key: another browser context, so no storage in common
    other = page.context.browser.new_context() if page.context.browser else None
    assert other is not None
    guest = other.new_page()
    guest.goto(f"{site.address}?job={job}")
    painted(guest, step)
    expect(guest.locator(".hint")).to_contain_text("watching a shared painting")
    for name in ("Stop", "Pause"):
        expect(guest.get_by_role("button", name=name)).to_be_hidden()
    expect(guest.locator(".slot.filled")).to_have_count(2)
    assert guest.locator(".slots-content img").get_attribute("src") == page.locator(".slots-content img").get_attribute(
        "src"
    )
    guest.get_by_role("button", name="Compare").click()
    guest.wait_for_function("() => document.querySelector('.before:not([hidden])')?.naturalWidth === 90")
    guest.keyboard.press("Escape")
    site.engine.release(500)
    status(guest, "completed")
    expect(guest.locator("[data-format=png]")).to_be_visible()
    other.close()


def test_a_failure_is_told_in_the_words_of_the_server(site: Site, open_page: Open) -> None:
    site.engine.fail_at = 3
    site.engine.error = OutOfMemory("the picture does not fit into memory")
    page = open_page()
    launch(page)
    site.engine.release(5)
    status(page, "failed")
    expect(page.locator(".status-line")).to_contain_text("does not fit into the server's memory")


def test_a_lost_connection_comes_back_with_the_job(site: Site, open_page: Open) -> None:
    page = open_page()
    launch(page)
    next_frame(site, page)
    site.stop()
    page.wait_for_selector("#connection[data-state=waiting]")
    site.start()
    page.wait_for_selector("#connection[data-state=open]", timeout=20_000)
    site.engine.release(500)
    status(page, "completed")

"""What this browser remembers: several jobs at once, its own paintings, their time-lapse and recipe."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.support.browser.actions import GREY, launch, next_frame, painted, status, tile
from tests.support.browser.axe import faults
from tests.support.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.real_server]
Open = Callable[..., Page]


def late(route: Route) -> None:
    """Let a request wait until the page's socket has surely said hello."""
    route.request.frame.page.wait_for_selector("#connection[data-state=open]")
    route.continue_()


def finished(site: Site, page: Page) -> None:
    site.engine.release(500)
    status(page, "completed")
    page.locator(".paintings-tile").first.wait_for()


def test_several_jobs_wait_in_a_list_and_each_is_stopped_alone(site: Site, open_page: Open) -> None:
    page = open_page()
    first = launch(page)
    next_frame(site, page)
    page.get_by_role("button", name="New painting").click()
    expect(page.get_by_role("button", name="Launch", exact=True)).to_be_visible()
    assert "job=" not in page.url
    page.get_by_role("button", name="Launch", exact=True).click()
    status(page, "queued")
    rows = page.locator(".queue-row")
    expect(rows).to_have_count(2)
    expect(rows.nth(1).locator(".queue-state")).to_have_text("position 1 in the queue")
    site.engine.release(20)
    expect(rows.nth(0).locator(".queue-state")).to_have_text(re.compile(r"painting, 1\d %"))
    assert faults(page) == ""
    # the one that paints is stopped, the one on view takes its place
    rows.nth(0).get_by_role("button", name="Stop").click()
    status(page, "running")
    expect(page.locator(".paintings-tile")).to_have_count(1)
    expect(page.locator(".paintings-when")).to_contain_text("stopped")
    assert httpx.get(f"{site.address}api/jobs/{first}").json()["status"] == "cancelled"
    site.engine.release(500)
    status(page, "completed")
    expect(page.locator(".paintings-tile")).to_have_count(2)
    expect(page.locator(".queue")).to_be_hidden()


def test_an_earlier_painting_comes_back_with_its_settings_and_can_be_deleted(site: Site, open_page: Open) -> None:
    page = open_page()
    page.locator("#preserve_color").fill("40")
    job = launch(page, styles=("Red", "Green"))
    finished(site, page)
    assert page.locator(".paintings-picture img").get_attribute("src").startswith("data:image/jpeg")  # type: ignore[union-attr]
    page.goto(site.address)
    page.wait_for_selector("#connection[data-state=open]")
    page.wait_for_selector(".tile >> nth=3")
    tile(page, "Gold")
    page.locator("#preserve_color").fill("0")
    page.locator(".paintings-open").click()
    status(page, "completed")
    painted(page, 200)
    expect(page.locator("#preserve_color")).to_have_value("40")
    # also when the connection is quicker than the description of the settings
    page.route("**/api/limits", late)
    page.reload()
    status(page, "completed")
    expect(page.locator("#preserve_color")).to_have_value("40")
    page.unroute("**/api/limits")
    expect(page.locator(".slots-styles .slot-face").first).to_have_attribute("aria-label", "Style (A): Red")
    page.locator(".paintings-remove").click()
    assert faults(page) == ""
    page.get_by_role("button", name="Keep it").click()
    expect(page.locator(".paintings-tile")).to_have_count(1)
    page.locator(".tool[data-act=delete]").click()
    page.locator("#confirm").get_by_role("button", name="Delete").click()
    expect(page.locator("#paintings")).to_be_hidden()
    assert page.url == site.address
    assert httpx.get(f"{site.address}api/jobs/{job}").status_code == 404
    # nothing that could be launched again was lost with it
    expect(page.locator(".slot.filled")).to_have_count(3)


def test_the_time_lapse_shows_the_course_and_the_end(site: Site, open_page: Open) -> None:
    page = open_page()
    launch(page)
    for _ in range(4):
        next_frame(site, page)
    finished(site, page)
    page.get_by_role("button", name="Time-lapse").click()
    expect(page.locator("#timelapse input")).to_be_focused()
    page.keyboard.press("Home")
    page.wait_for_function(f"() => ({GREY})() < 100")
    expect(page.locator("#timelapse output")).to_have_text("step 1")
    page.get_by_role("button", name="Play").click()
    painted(page, 200)
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    with page.expect_download() as download:
        page.locator("[data-animation=webp]").click()
    assert download.value.path().read_bytes()[8:12] == b"WEBP"
    assert faults(page) == ""
    page.get_by_role("button", name="Time-lapse").click()
    expect(page.locator("#timelapse")).to_be_hidden()
    painted(page, 200)


def test_the_recipe_names_what_was_changed(site: Site, open_page: Open) -> None:
    page = open_page()
    page.locator("#preserve_color").fill("40")
    page.locator("#advanced summary").click()
    page.locator("#seed").fill("7")
    launch(page, styles=("Red", "Green"))
    next_frame(site, page)
    page.locator("#mix input").fill("25")
    expect(page.locator("#hint")).to_have_text("Change applied: watch the painting.")
    finished(site, page)
    page.locator("#recipe summary").click()
    given = shlex.split(page.locator("#recipe code").inner_text())
    assert given[:8] == ["duostyle", "paint", "harbour.jpg", "--style", "red.jpg", "--style", "green.jpg", "-o"]
    options = dict(zip(given[9::2], given[10::2], strict=True))
    assert options == {"--preserve-color": "0.4", "--seed": "7", "--style-mix": "0.75,0.25"}
    expect(page.locator(".recipe-rows")).to_contain_text("share of style B75 %")
    with page.expect_download() as download:
        page.locator(".recipe-pictures a").first.click()
    assert download.value.suggested_filename == "harbour.jpg"


def test_the_link_and_the_picture_can_be_copied(site: Site, open_page: Open, context: BrowserContext) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.address.rstrip("/"))
    page = open_page()
    job = launch(page)
    finished(site, page)
    page.get_by_role("button", name="Copy watch link").click()
    expect(page.locator("[data-act=share]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == f"{site.address}?job={job}"
    page.get_by_role("button", name="Copy picture").click()
    expect(page.locator("[data-act=copy]")).to_have_text("Copied")
    kinds = page.evaluate("navigator.clipboard.read().then((items) => items.flatMap((item) => item.types))")
    assert kinds == ["image/png"]

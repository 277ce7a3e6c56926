"""The page around a painting: choosing pictures, what it says when that fails, keyboard, narrow screens, themes."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.actions import labels, status, tile, upload
from tests.support.browser.site import Site
from tests.support.fake_engine import image_bytes

pytestmark = [pytest.mark.browser, pytest.mark.real_server]
Open = Callable[..., Page]

GIVE = """([selector, kind, text]) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], "given.png", { type: "image/png" }));
  const options = { bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data };
  const event = kind === "paste" ? new ClipboardEvent("paste", options) : new DragEvent("drop", options);
  document.querySelector(selector).dispatchEvent(event);
}"""


def give(page: Page, selector: str, kind: str, data: bytes) -> None:
    page.evaluate(GIVE, [selector, kind, base64.b64encode(data).decode()])


def test_a_broken_picture_is_refused_beside_its_slot_which_keeps_the_old_one(open_page: Open) -> None:
    page = open_page()
    tile(page, "Harbour")
    before = page.locator(".slots-content img").get_attribute("src")
    broken = image_bytes()[:-40]
    with page.expect_response("**/api/images") as answer:
        upload(page, ".slots-content", broken)
    words = answer.value.json()["error"]["message"]
    assert answer.value.status in (415, 422)
    said = f"Content: {words[0].upper()}{words[1:]}. Save it again, or choose another picture."
    expect(page.locator(".note").first).to_have_text(said)
    assert page.locator(".slots-content img").get_attribute("src") == before
    tile(page, "Harbour")
    expect(page.locator(".note").first).to_have_text("")


def test_a_far_too_large_file_is_not_sent_and_the_limit_is_named(open_page: Open) -> None:
    page = open_page()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    upload(page, ".slots-styles", b"\0" * (3 * 2**20))
    advice = "Choose a smaller file, or reduce this one."
    said = f"Style: This file is 3 MB; the server accepts at most 1 MB. {advice}"
    expect(page.locator(".note").nth(1)).to_have_text(said)
    assert "POST" not in sent


def test_drop_and_paste_fill_the_slots(open_page: Open) -> None:
    page = open_page()
    give(page, ".slots-content .slot", "drop", image_bytes((1, 2, 3)))
    expect(page.locator(".slots-content .filled")).to_have_count(1)
    give(page, "body", "paste", image_bytes((4, 5, 6)))
    expect(page.locator(".slots-styles .filled")).to_have_count(1)
    give(page, "body", "drop", image_bytes((7, 8, 9)))
    expect(page.locator(".slots-styles .filled")).to_have_count(2)


def test_a_tile_can_be_dragged_to_a_slot(open_page: Open) -> None:
    page = open_page()
    page.locator(".tile", has_text="Gold").drag_to(page.locator(".slots-content .slot-face"))
    expect(page.locator(".slots-content .slot-face")).to_have_attribute("aria-label", "Content: Gold")


def test_tiles_fill_the_empty_style_slots_and_then_replace(open_page: Open) -> None:
    page = open_page()
    choose = "empty, choose a picture"
    optional = "empty, optional, choose a picture"
    assert labels(page) == [f"Style: {choose}", f"Second style: {optional}"]
    expect(page.locator(".slots-styles .slot-optional")).to_have_text(["", "optional"])
    tile(page, "Red")
    assert labels(page) == ["Style: Red", f"Second style: {optional}"]
    tile(page, "Green")
    assert labels(page) == ["Style (A): Red", "Second style (B): Green"]
    tile(page, "Gold")
    assert labels(page) == ["Style (A): Red", "Second style (B): Gold"]
    page.locator(".slots-styles .slot-face").first.focus()
    tile(page, "Green")
    assert labels(page) == ["Style (A): Green", "Second style (B): Gold"]
    page.get_by_role("button", name="Remove style", exact=True).click()
    assert labels(page) == ["Style: Gold", f"Second style: {optional}"]


def test_a_double_click_on_a_tile_fills_one_slot(open_page: Open) -> None:
    page = open_page()
    page.locator(".tile", has_text="Red").dblclick()
    assert labels(page) == ["Style: Red", "Second style: empty, optional, choose a picture"]


def test_up_to_four_styles_can_be_added_and_removed(open_page: Open) -> None:
    page = open_page()
    add = page.get_by_role("button", name="Add style")
    for _ in range(2):
        add.click()
    expect(page.locator(".slots-styles .slot")).to_have_count(4)
    expect(add).to_be_hidden()
    for title in ("Red", "Green", "Gold", "Red"):
        tile(page, title)
    expect(page.locator(".mix-each output")).to_have_text(["25 %"] * 4)
    page.get_by_role("button", name="Remove second style").click()
    expect(page.locator(".slots-styles .slot")).to_have_count(3)
    expect(page.locator(".mix-each output")).to_have_text(["33 %"] * 3)
    expect(add).to_be_visible()


def test_the_keyboard_alone_is_enough(site: Site, open_page: Open) -> None:
    page = open_page()
    page.locator(".tile", has_text="Harbour").focus()
    page.keyboard.press("Enter")
    page.locator(".tile", has_text="Red").focus()
    page.keyboard.press("Enter")
    page.locator("#style_weight").focus()
    page.keyboard.press("End")
    expect(page.locator("output[for=style_weight]")).to_have_text("200")
    page.keyboard.press("Control+Enter")
    status(page, "running")
    assert site.engine.painters[0].params.style_weight == 200
    site.engine.release(500)
    status(page, "completed")
    page.get_by_role("button", name="Compare").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".compare-range")).to_be_focused()
    page.keyboard.press("Home")
    assert page.evaluate("document.querySelector('.frame').style.getPropertyValue('--split')") == "0%"
    page.keyboard.press("Escape")
    status(page, "completed")


def test_launching_without_pictures_says_what_is_missing(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".status-line")).to_contain_text("Choose a content picture first")
    expect(page.locator(".slots-content .slot-face")).to_be_focused()


def test_an_unknown_job_gets_a_clear_word_and_a_clean_address(open_page: Open, site: Site) -> None:
    page = open_page("?job=nowhere-to-be-found")
    expect(page.locator(".status-line")).to_contain_text("This painting was not found.")
    assert page.url == site.address


@pytest.mark.parametrize("width", [360, 768, 1280, 1920])
def test_no_width_scrolls_sideways_or_lets_parts_overlap(open_page: Open, width: int) -> None:
    page = open_page()
    page.set_viewport_size({"width": width, "height": 760})
    for title in ("Harbour", "Red"):
        tile(page, title)
    tile(page, "Green")
    page.locator("#advanced summary").click()
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    panel, gallery = page.locator("#form").bounding_box(), page.locator("#gallery").bounding_box()
    assert panel
    assert gallery
    assert panel["x"] >= gallery["x"] + gallery["width"] or panel["y"] + panel["height"] <= gallery["y"]


def test_the_theme_follows_the_system_until_it_is_chosen(open_page: Open) -> None:
    page = open_page()
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(colour)
    assert dark != light
    page.get_by_role("button", name="Use the light theme").click()
    assert page.evaluate(colour) == light
    page.reload()
    assert page.evaluate(colour) == light

"""Several styles: their order, their shares, the size of their strokes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.actions import begin, choose, labels, tile
from tests.support.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.real_server]
Open = Callable[..., Page]


def test_styles_change_places_by_their_letter_by_keyboard_and_by_dragging(open_page: Open) -> None:
    page = open_page()
    choose(page, "Red", "Green")
    page.locator("#mix input").fill("25")
    page.get_by_role("button", name="Move style A to the next place").click()
    assert labels(page) == ["Style (A): Green", "Second style (B): Red"]
    # its share goes with it
    expect(page.locator("#mix output")).to_have_text(["25 %", "75 %"])
    expect(page.locator(".slots-styles .slot-face").nth(1)).to_be_focused()
    page.keyboard.press("Alt+ArrowLeft")
    assert labels(page) == ["Style (A): Red", "Second style (B): Green"]
    page.get_by_role("button", name="Add style").click()
    tile(page, "Gold")
    faces = page.locator(".slots-styles .slot-face")
    faces.nth(2).drag_to(faces.nth(0))
    assert labels(page) == ["Style (A): Gold", "Second style (B): Red", "Third style (C): Green"]


def test_three_styles_are_mixed_in_a_triangle_and_by_sliders(site: Site, open_page: Open) -> None:
    page = open_page()
    page.get_by_role("button", name="Add style").click()
    choose(page, "Red", "Green", "Gold")
    triangle = page.locator(".triangle")
    triangle.scroll_into_view_if_needed()
    box = triangle.bounding_box()
    assert box
    # below the middle of the lower edge: nothing of A, halves of B and C
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] + 40, steps=3)
    page.mouse.up()
    expect(page.locator("#mix output")).to_have_text(["0 %", "50 %", "50 %"])
    page.get_by_role("slider", name="Share of style A").fill("100")
    expect(page.locator("#mix output")).to_have_text(["33 %", "33 %", "33 %"])
    page.get_by_role("slider", name="Share of style C").fill("0")
    begin(site, page)
    assert site.engine.painters[0].params.style_mix == [0.5, 0.5, 0]


def test_each_style_has_strokes_of_its_own_size(site: Site, open_page: Open) -> None:
    page = open_page()
    choose(page, "Red")
    page.locator("#advanced summary").click()
    page.get_by_role("slider", name="Stroke scale", exact=True).press("End")
    tile(page, "Green")
    # one size for all goes on for who comes new
    expect(page.locator("#strokes output")).to_have_text(["4×", "4×"])
    page.get_by_role("slider", name="Stroke scale of style B").press("Home")
    page.get_by_role("button", name="Move style A to the next place").click()
    expect(page.locator("#strokes output")).to_have_text(["0.25×", "4×"])
    begin(site, page)
    assert site.engine.painters[0].params.style_scale == [0.25, 4]
    expect(page.get_by_role("slider", name="Stroke scale of style A")).to_be_disabled()
    page.reload()
    expect(page.locator("#strokes output")).to_have_text(["0.25×", "4×"])

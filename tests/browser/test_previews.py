"""The preview on the easel: there before anybody presses a button, following every setting, until the first frame."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from duostyle.errors import BadRequest
from tests.support.browser.actions import choose, next_frame, status, tile
from tests.support.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.real_server]
Open = Callable[..., Page]
# and the place on the page, however far it is scrolled
SIZE = (
    "(shown) => { const box = shown.getBoundingClientRect(); return [box.x, box.y + scrollY, box.width, box.height]; }"
)


def test_the_preview_follows_what_is_chosen_until_the_first_frame(site: Site, open_page: Open) -> None:
    page = open_page()
    preview, tag = page.locator(".preview"), page.locator(".preview-tag")
    tile(page, "Harbour")
    expect(preview).to_be_hidden()
    tile(page, "Red")
    expect(preview).to_be_visible()
    expect(tag).to_have_text("Preview: about how it will look")
    size = preview.evaluate(SIZE)
    page.get_by_label("Strength").press("ArrowRight")
    site.engine.wait_for_preview(lambda request: request.params.style_weight > 20)
    tile(page, "Green")
    page.locator("input[name=regions][value=person]").check()
    page.wait_for_function("() => document.querySelector('input[name=regions][value=person]').checked")
    page.get_by_role("group", name="Leave as it is").get_by_label("Background").check()
    page.get_by_role("button", name="Launch", exact=True).click()
    page.wait_for_url("**/?job=*")
    page.wait_for_function("() => document.querySelector('#status').dataset.status === 'running'")
    # the preview stays while the first step is made, and nothing moves when it is there
    expect(preview).to_be_visible()
    assert site.engine.painters[0].params.masks == "person"
    assert site.engine.painters[0].params.protect == "background"
    next_frame(site, page)
    expect(preview).to_be_hidden()
    expect(tag).to_be_hidden()
    assert page.locator(".painting").evaluate(SIZE) == size


def test_a_content_without_people_is_said_before_anything_is_launched(site: Site, open_page: Open) -> None:
    page = open_page()
    choose(page, "Red", "Green")
    expect(page.locator(".preview")).to_be_visible()
    site.engine.preview_error = BadRequest("masks: there are no people in the content", field="params.masks")
    page.locator("input[name=regions][value=person]").check()
    status(page, "note")
    expect(page.locator("#status")).to_contain_text("there are no people in the content")
    site.engine.preview_error = None
    page.locator("input[name=regions][value=auto]").check()
    page.wait_for_selector("#status[data-status=idle]", state="attached")


def test_a_browser_that_saves_data_gets_none(site: Site, open_page: Open) -> None:
    page = open_page()
    page.evaluate("() => Object.defineProperty(navigator, 'connection', { value: { saveData: true } })")
    choose(page, "Red")
    page.get_by_label("Strength").press("ArrowRight")
    # a preview would have been asked for before this message, on the same socket
    page.get_by_role("button", name="Launch", exact=True).click()
    page.wait_for_url("**/?job=*")
    assert site.engine.previews == []
    assert page.locator(".preview").is_hidden()

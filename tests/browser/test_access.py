"""Everybody can use the page: axe-core on every state, in both themes, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from server.errors import OutOfMemory
from tests.browser.axe import faults
from tests.browser.conftest import Site
from tests.browser.test_painting import launch, next_frame, status, upload
from tests.fakes import image_bytes

pytestmark = [pytest.mark.browser, pytest.mark.real_server]
Open = Callable[..., Page]


@pytest.fixture(params=["light", "dark"])
def looked(request: pytest.FixtureRequest, open_page: Open) -> Page:
    page = open_page()
    page.emulate_media(color_scheme=request.param)
    return page


def test_start(looked: Page) -> None:
    assert faults(looked) == ""
    looked.locator("#advanced summary").click()
    looked.set_viewport_size({"width": 320, "height": 640})
    assert faults(looked) == ""


def test_from_painting_to_the_end(site: Site, looked: Page) -> None:
    launch(looked, styles=("Red", "Green"))
    next_frame(site, looked)
    assert faults(looked) == ""
    looked.get_by_role("button", name="Pause").click()
    status(looked, "paused")
    assert faults(looked) == ""
    looked.get_by_role("button", name="Resume").click()
    site.engine.release(500)
    status(looked, "completed")
    looked.get_by_role("button", name="Compare").click()
    looked.locator("#recipe summary").click()
    looked.locator(".shelf-tile").wait_for()
    assert faults(looked) == ""
    looked.set_viewport_size({"width": 390, "height": 800})
    assert faults(looked) == ""


def test_what_went_wrong(site: Site, looked: Page) -> None:
    upload(looked, ".slots-content", image_bytes()[:-40])
    expect(looked.locator(".note").first).not_to_have_text("")
    site.engine.fail_at = 2
    site.engine.error = OutOfMemory("the picture does not fit into memory")
    launch(looked)
    site.engine.release(3)
    status(looked, "failed")
    assert faults(looked) == ""

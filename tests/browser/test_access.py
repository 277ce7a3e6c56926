"""Everybody can use the page: axe-core on every state, in both themes, wide and narrow."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from duostyle.errors import OutOfMemory
from tests.support.browser.actions import choose, launch, next_frame, status, upload
from tests.support.browser.axe import faults
from tests.support.browser.site import Site
from tests.support.fake_engine import image_bytes

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
    looked.locator(".paintings-tile").wait_for()
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


FOCUS = """() => {
  const at = document.activeElement;
  const shown = [at, at.nextElementSibling, at.parentElement, at.parentElement?.querySelector(".compare-knob")];
  const ring = (element) => element && (getComputedStyle(element).outlineStyle !== "none");
  return { id: at.id || at.dataset.act || at.className, seen: at === document.body || shown.some(ring)
    || at.matches("input[type=range]") };
}"""


def tab_to(page: Page, wanted: str) -> None:
    """Press Tab until the element with this id or act has the focus; every stop on the way can be seen."""
    for _ in range(80):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUS)
        assert at["seen"], f"the focus cannot be seen on {at['id']}"
        if at["id"] == wanted:
            return
    pytest.fail(f"Tab never came to {wanted}")


def test_from_the_first_visit_to_the_finished_picture_by_keyboard_alone(site: Site, open_page: Open) -> None:
    page = open_page()
    for title in ("Harbour", "Red", "Green"):
        page.wait_for_selector(f".tile[title^={title}]")
    if page.locator(".slot.filled").count() < 3:
        for title in ("Harbour", "Red", "Green"):
            page.locator(".tile", has_text=title).press("Enter")
    page.evaluate("document.activeElement.blur()")
    tab_to(page, "style_weight")
    page.keyboard.press("ArrowRight")
    tab_to(page, "launch")
    page.keyboard.press("Enter")
    status(page, "running")
    # who pressed Launch goes on at what took its place
    expect(page.locator("#pause")).to_be_focused()
    page.keyboard.press("Enter")
    status(page, "paused")
    page.keyboard.press("Enter")
    site.engine.release(500)
    status(page, "completed")
    expect(page.locator("#launch")).to_be_focused()
    assert len(site.engine.painters[0].request.styles) == 2
    page.evaluate("document.activeElement.blur()")
    tab_to(page, "compare")
    page.keyboard.press("Enter")
    expect(page.locator(".compare-range")).to_be_focused()
    page.keyboard.press("Home")
    tab_to(page, "share")


def test_nothing_chatters(site: Site, open_page: Open) -> None:
    page = open_page()
    page.evaluate(
        """() => { window.said = [];
        const line = document.querySelector("#announce");
        new MutationObserver(() => said.push(line.textContent)).observe(line, { childList: true, characterData: true });
        }"""
    )
    launch(page)
    for _ in range(4):
        next_frame(site, page)
    site.engine.release(500)
    status(page, "completed")
    heads = [text.split(":")[0] for text in page.evaluate("said")]
    assert heads[-1].startswith("Finished in")
    # once per state (waiting, starting, painting, finished), not once per step
    assert len(heads) <= 6
    assert all(one != other for one, other in itertools.pairwise(heads))


@pytest.mark.parametrize("width", [1280, 390])
def test_the_launch_button_covers_nothing_that_gets_the_focus(open_page: Open, width: int) -> None:
    page = open_page()
    page.set_viewport_size({"width": width, "height": 700})
    choose(page, "Red", "Green")
    covered = page.evaluate("""() => {
      const panel = document.querySelector(".panel"), bar = document.querySelector(".actions");
      const all = [...panel.querySelectorAll("button, input, select, summary")];
      return all.filter((one) => one.checkVisibility()).filter((one) => {
        scrollTo(0, 0);
        panel.scrollTo(0, 0);
        one.focus({ focusVisible: true });
        const box = one.getBoundingClientRect();
        return document.activeElement === one && !bar.contains(one) && box.bottom > bar.getBoundingClientRect().top + 1;
      }).map((one) => one.outerHTML);
    }""")
    assert covered == []

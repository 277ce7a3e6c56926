"""What the first view costs: bytes, and how much of it moves while it comes in. And that it fits every screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.conftest import GUARD_MS
from tests.support.browser.actions import launch, next_frame
from tests.support.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.real_server]
Open = Callable[..., Page]

BUDGET_BYTES = 150_000
# above 0.1 a view counts as unsteady
MOST_SHIFT = 0.05

WEIGHT = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .filter((entry) => !/api\\/images/.test(entry.name))
  .reduce((sum, entry) => sum + entry.transferSize, 0)"""
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => list.getEntries().forEach((entry) => entry.hadRecentInput || shifts.push({
  value: entry.value, what: entry.sources.map(({ node }) => node?.className || node?.id || node?.nodeName),
}))).observe({ type: "layout-shift", buffered: true });
"""


def test_the_first_view_is_light(open_page: Open) -> None:
    page = open_page()
    page.wait_for_load_state("networkidle")
    weight = page.evaluate(WEIGHT)
    assert 20_000 < weight < BUDGET_BYTES


@pytest.fixture
def newcomer(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that was never here: its first visit begins with pictures."""
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(GUARD_MS)
    yield context
    context.close()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("visitor", ["context", "newcomer"])
def test_nothing_moves_while_the_page_comes_in(
    request: pytest.FixtureRequest, site: Site, visitor: str, width: int
) -> None:
    context: BrowserContext = request.getfixturevalue(visitor)
    context.add_init_script(SHIFTS)
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": 800})
    # on a slow machine more is painted before the pictures to begin with are known
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.goto(site.address)
    page.wait_for_selector("#connection[data-state=open]")
    page.wait_for_selector(".tile >> nth=3")
    page.wait_for_load_state("networkidle")
    shifts = page.evaluate("shifts")
    assert sum(shift["value"] for shift in shifts) <= MOST_SHIFT, shifts


@pytest.mark.parametrize("size", [(320, 568), (3840, 2160)])
def test_the_smallest_and_the_largest_screen_show_the_painting(
    site: Site, open_page: Open, size: tuple[int, int]
) -> None:
    page = open_page()
    page.set_viewport_size({"width": size[0], "height": size[1]})
    launch(page, styles=("Red", "Green"))
    next_frame(site, page)
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    box = page.locator(".painting").bounding_box()
    assert box
    assert box["width"] >= min(0.6 * size[0], 900)
    assert box["y"] + box["height"] <= size[1] + page.evaluate("window.scrollY")
    # both buttons that steer can be reached without scrolling
    for name in ("Pause", "Stop"):
        button = page.get_by_role("button", name=name).bounding_box()
        assert button
        assert 0 <= button["y"] <= size[1] - button["height"]
        assert button["height"] >= 44

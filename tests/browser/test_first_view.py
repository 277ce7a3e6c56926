"""A first visit: how many requests it makes, how it fares in a crowd, what it says when its script does not come."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, WebSocket, expect

from duostyle.web import gallery
from tests.browser.conftest import GUARD_MS
from tests.browser.test_budget import WEIGHT
from tests.support.browser.axe import faults
from tests.support.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.real_server]

MOST_REQUESTS = 25
MOST_BYTES = 250_000
VISITORS = 8
SCRIPT = re.compile(r"/js/main\.js")
CONNECTED = "#connection[data-state=open]"


@pytest.fixture
def shipped(tmp_path: Path) -> Iterator[Site]:
    """A server with the pictures that come with it."""
    running = Site(tmp_path / "data", gallery.shipped())
    yield running
    running.stop()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Make browsers that were never here."""
    opened: list[BrowserContext] = []

    def made(width: int = 1366, height: int = 768) -> BrowserContext:
        context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
        context.set_default_timeout(GUARD_MS)
        opened.append(context)
        return context

    yield made
    for context in opened:
        context.close()


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 844), (1920, 1080)])
def test_a_first_view_is_few_requests(
    shipped: Site, visit: Callable[..., BrowserContext], width: int, height: int
) -> None:
    page = visit(width, height).new_page()
    requests: list[Request | WebSocket] = []
    page.on("request", lambda request: requests.append(request))
    page.on("websocket", lambda opened: requests.append(opened))
    page.goto(shipped.address)
    page.wait_for_selector(CONNECTED)
    page.wait_for_selector(".slot.filled >> nth=2")
    page.wait_for_load_state("networkidle")
    assert len(requests) <= MOST_REQUESTS, [request.url for request in requests]
    # what is shown from memory comes from nowhere
    others = [url for url in (request.url for request in requests) if not url.startswith("blob:")]
    assert len([url for url in others if "/api/images/" not in url]) <= 9
    assert 20_000 < page.evaluate(WEIGHT) < MOST_BYTES
    # all of the gallery is there for who looks at it
    page.locator(".credits").scroll_into_view_if_needed()
    for picture in page.locator(".tile img").all():
        picture.scroll_into_view_if_needed()
        expect(picture).not_to_have_js_property("naturalWidth", 0)
    # whoever comes back asks for the page, for what is new, and for no file that is kept
    page.goto("about:blank")
    requests.clear()
    page.goto(shipped.address)
    page.wait_for_selector(CONNECTED)
    page.wait_for_load_state("networkidle")
    sizes = page.evaluate("performance.getEntriesByType('resource').map((entry) => [entry.name, entry.transferSize])")
    assert [name for name, size in sizes if size and re.search(r"/static/|/api/images/", name)] == []


def test_a_class_that_comes_at_once_finds_a_page_alive_in_every_browser(
    shipped: Site, visit: Callable[..., BrowserContext]
) -> None:
    refused: list[str] = []

    def opened(context: BrowserContext) -> Page:
        page = context.new_page()
        page.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
        return page

    pages = [opened(visit()) for _ in range(VISITORS)]
    for page in pages:
        page.goto(shipped.address, wait_until="commit")
    for page in pages:
        page.wait_for_selector(CONNECTED)
        expect(page.locator(".slot.filled")).to_have_count(3)
        expect(page.locator(".tile")).to_have_count(17)
        expect(page.locator("#boot")).to_have_count(0)
        assert page.get_by_role("button", name="Launch", exact=True).is_visible()
    assert refused == []


def note(page: Page) -> str:
    """What the page says of its missing script, once that is seen."""
    page.wait_for_function("() => getComputedStyle(document.querySelector('#boot')).visibility === 'visible'")
    return " ".join(page.locator("#boot").inner_text().split())


@pytest.mark.parametrize(("address", "answer"), [("", "none"), ("", "429"), ("status", "html")])
def test_a_script_that_does_not_come_is_missed_in_words_and_fetched_again(
    site: Site, visit: Callable[..., BrowserContext], address: str, answer: str
) -> None:
    page = visit().new_page()
    asked: list[str] = []

    def failing(route: Route) -> None:
        asked.append(route.request.url)
        if answer == "none":
            route.abort()
        elif answer == "429":
            route.fulfill(status=429, body="{}", content_type="application/json")
        else:
            route.fulfill(status=200, body="<html>log in</html>", content_type="text/html")

    page.route(re.compile(r"/js/(main|status)\.js"), failing)
    page.goto(site.address + address)
    assert note(page) == "A part of the page did not arrive. It is loaded again in a moment. Try again now"
    assert faults(page) == ""
    # twice by itself, and then it is there
    page.wait_for_function("() => sessionStorage['duostyle:tries'] === '2'")
    page.unroute_all()
    page.wait_for_selector(CONNECTED)
    expect(page.locator("#boot")).to_have_count(0)
    assert len(asked) == 2
    assert page.evaluate("sessionStorage['duostyle:tries']") is None


def test_a_script_that_the_browser_does_not_understand_is_said_and_not_tried_for_ever(
    site: Site, visit: Callable[..., BrowserContext]
) -> None:
    page = visit().new_page()
    page.add_init_script("sessionStorage['duostyle:tries'] ??= '3'")
    page.route(SCRIPT, lambda route: route.fulfill(body="const = 1;", content_type="text/javascript"))
    page.goto(site.address)
    said = note(page)
    assert said.startswith("The page’s script does not run in this browser; a newer one may help.")
    assert "SyntaxError" in said
    assert said.endswith("Try again now")
    assert "in a moment" not in said


@pytest.mark.parametrize("answer", [None, 429])
def test_a_style_sheet_that_does_not_come_is_fetched_again(
    site: Site, visit: Callable[..., BrowserContext], answer: int | None
) -> None:
    page = visit().new_page()
    failing = lambda route: route.abort() if answer is None else route.fulfill(status=answer, body="{}")  # noqa: E731
    page.route(re.compile(r"\.css"), failing)
    page.goto(site.address)
    page.wait_for_function("() => sessionStorage['duostyle:tries'] === '1'")
    page.unroute_all()
    page.wait_for_function("() => getComputedStyle(document.querySelector('main')).display === 'grid'")
    page.wait_for_selector(CONNECTED)


@pytest.mark.parametrize("width", [390, 1366])
def test_without_any_script_the_page_says_so_and_can_be_loaded_again(
    site: Site, visit: Callable[..., BrowserContext], width: int
) -> None:
    page = visit(width).new_page()
    page.route(re.compile(r"\.js"), lambda route: route.abort())
    page.goto(site.address)
    assert note(page).startswith("The page’s script has not arrived yet.")
    page.unroute_all()
    page.get_by_role("link", name="Try again now").click()
    page.wait_for_selector(CONNECTED)
    expect(page.locator("#boot")).to_have_count(0)

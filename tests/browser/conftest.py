"""A real uvicorn with the fake engine in a thread, and a real Chromium in front of it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, expect, sync_playwright

from tests.support.browser.site import Site

# only guards against a page that never gets there: a busy machine is slow, and loads the real engine in seconds
GUARD_MS = 30_000
expect.set_options(timeout=GUARD_MS)
_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("there is no Chromium, and CI must check the page")
        pytest.skip("there is no Chromium here")
    started = playwright.chromium.launch(executable_path=path, args=_ARGS)
    yield started
    started.close()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A gallery of one content picture and three styles."""
    folder = tmp_path / "gallery"
    folder.mkdir()
    listing: dict[str, list[dict[str, str]]] = {"content": [], "style": []}
    for kind, title, color in (
        ("content", "Harbour", (40, 90, 160)),
        ("style", "Red", (200, 40, 20)),
        ("style", "Green", (30, 160, 60)),
        ("style", "Gold", (220, 170, 40)),
    ):
        file = f"{title.lower()}.png"
        Image.new("RGB", (80, 60), color).save(folder / file)
        entry = {"file": file, "title": title, "author": "Nobody", "licence": "CC0", "source": "made here"}
        listing[kind].append(entry)
    (folder / "gallery.json").write_text(json.dumps(listing), encoding="utf-8")
    return folder


@pytest.fixture
def site(tmp_path: Path, pictures: Path) -> Iterator[Site]:
    running = Site(tmp_path / "data", pictures)
    yield running
    running.engine.release(10_000)
    running.stop()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    opened.set_default_timeout(GUARD_MS)
    # not a first visit, which begins with pictures: a tab whose pictures were all taken out
    opened.add_init_script("""sessionStorage["duostyle:draft"] ??= '{"content": null, "styles": [], "params": {}}'""")
    yield opened
    opened.close()


@pytest.fixture
def open_page(context: BrowserContext, site: Site) -> Iterator[Callable[..., Page]]:
    """Open the page and wait until it is connected; a script error or a refusal by the CSP fails the test."""
    errors: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # a refused upload or picture is logged by the browser itself; the tests look at what the page says
        if message.type == "error" and "Failed to load resource" not in message.text:
            errors.append(message.text)

    def opened(path: str = "", *, connected: bool = True) -> Page:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", heard)
        page.goto(site.address + path)
        if connected:
            page.wait_for_selector("#connection[data-state=open]")
            page.wait_for_selector(".tile >> nth=3")
        return page

    yield opened
    assert [text for text in errors if "WebSocket connection" not in text] == []

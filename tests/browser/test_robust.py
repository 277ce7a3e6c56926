"""What goes wrong on the way: a server that dies, one that wants a token, and the operator's look at it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.browser.actions import GREY, frame_beyond, launch, next_frame, status
from tests.support.browser.axe import faults
from tests.support.browser.site import Site
from tests.support.real_server.server_process import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.real_server]
Open = Callable[..., Page]


class Killable:
    """A server of its own process whose engine stands still until it is told to make steps, each its own grey."""

    def __init__(self, folder: Path, pictures: Path) -> None:
        self._folder, self._pictures, self._port = folder, pictures, 0
        self.start()

    def start(self) -> None:
        engine = {"steps": 240, "gated": True, "size": (64, 48)}
        self._server = ServerProcess(self._folder, engine, pictures=self._pictures, port=self._port)
        self.address = self._server.until_listening() + "/"
        # the next one listens where this one did
        self._port = self._server.port
        self.release = self._server.release

    def kill(self) -> None:
        self._server.close()


@pytest.fixture
def killable(tmp_path: Path, pictures: Path) -> Iterator[Killable]:
    server = Killable(tmp_path, pictures)
    yield server
    server.kill()


@pytest.mark.timeout(300)  # two processes one after the other, which a busy machine starts slowly
def test_a_killed_server_comes_back_with_the_painting(killable: Killable, context: BrowserContext) -> None:
    page = context.new_page()
    connected = "#connection[data-state=open]"
    page.goto(killable.address)
    page.wait_for_selector(connected)
    page.wait_for_selector(".tile >> nth=3")
    launch(page, styles=("Red", "Green"))
    killable.release(10)
    frame_beyond(10, page, killable.release)
    killable.kill()
    expect(page.locator(".status-head")).to_have_text("Connection lost")
    expect(page.locator(".status-detail")).to_contain_text("the last picture is shown")
    assert page.evaluate(GREY) > 10
    assert page.locator(".painting").is_visible()
    assert faults(page) == ""
    killable.start()
    page.wait_for_selector(connected, timeout=60_000)
    status(page, "running")
    killable.release(240)
    page.wait_for_selector("#status[data-status=completed]", timeout=60_000)
    expect(page.locator(".status-line")).to_contain_text("Finished in")
    expect(page.locator("[data-format=png]")).to_be_visible()


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    value = "a-token-of-enough-letters"
    monkeypatch.setitem(os.environ, "DUOSTYLE_TOKEN", value)
    return value


def test_the_token_is_asked_for_and_kept_for_the_tab(token: str, site: Site, open_page: Open) -> None:
    page = open_page(connected=False)
    question = page.locator("#ask-token")
    expect(question).to_be_visible()
    assert faults(page) == ""
    page.get_by_role("textbox", name="Token").fill("not-the-token-at-all")
    page.keyboard.press("Enter")
    expect(question).to_contain_text("This is not the server’s token.")
    page.get_by_role("textbox", name="Token").fill(token)
    page.keyboard.press("Enter")
    page.wait_for_selector("#connection[data-state=open]")
    page.wait_for_selector(".tile >> nth=3")
    assert token not in page.url
    launch(page)
    next_frame(site, page)
    page.reload()
    status(page, "running")
    expect(question).to_be_hidden()
    page.goto(f"{site.address}status")
    expect(page.locator("[data-fact=running]")).to_have_text("1")


def test_without_the_token_the_page_says_what_to_do(token: str, open_page: Open) -> None:
    page = open_page(connected=False)
    page.get_by_role("button", name="Not now").click()
    expect(page.locator(".status-line")).to_contain_text("Reload the page to enter it")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_status_page_tells_what_the_server_does(site: Site, open_page: Open, scheme: str) -> None:
    page = open_page()
    launch(page)
    next_frame(site, page)
    looked = open_page("status", connected=False)
    looked.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    expect(looked.locator("[data-fact=device]")).to_have_text("fake, float32")
    expect(looked.locator("[data-fact=state]")).to_have_text("ready")
    expect(looked.locator("[data-fact=running]")).to_have_text("1")
    expect(looked.locator("[data-fact=step]")).to_have_text(re.compile(r"\d"))
    expect(looked.locator("[data-fact=watchers]")).to_have_text("1")
    assert faults(looked) == ""

"""A real Chromium that reaches the server through a proxy: HTTP/2, TLS, an odd port, a path in front, a password."""

from __future__ import annotations

import io
import os
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.integration.proxies.conftest import NAME, NO_SOCKETS, SMALL_BODIES, Kind, Proxy, recommended
from tests.support.fake_engine import FakeEngine, image_bytes
from tests.support.real_server.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.real_server]

Started = Callable[..., Running]
Proxied = Callable[..., Proxy]
_GUARD_MS = 30_000


@pytest.fixture
def browser() -> Iterator[Browser]:
    """For one test: the loop that Playwright leaves running is in the way of tests that are coroutines."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("there is no Chromium, and CI must check the page")
        pytest.skip("there is no Chromium here")
    arguments = ["--no-sandbox", "--disable-gpu", "--no-first-run", f"--host-resolver-rules=MAP {NAME} 127.0.0.1"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=arguments)
        yield started
        started.close()


def opened(browser: Browser, proxy: Proxy, *, state: str = "open", **options: Any) -> Page:
    context = browser.new_context(ignore_https_errors=True, reduced_motion="reduce", **options)
    context.set_default_timeout(_GUARD_MS)
    context.add_init_script("""sessionStorage["duostyle:draft"] ??= '{"content": null, "styles": [], "params": {}}'""")
    page = context.new_page()
    page.goto(f"{proxy.url}/")
    page.wait_for_selector(f"#connection[data-state={state}]")
    return page


def paint(page: Page) -> None:
    for slot, color in ((".slots-content", (10, 20, 200)), (".slots-styles", (200, 20, 10))):
        page.locator(f"{slot} input[type=file]").first.set_input_files(
            {"name": "mine.png", "mimeType": "image/png", "buffer": image_bytes(color, (90, 60))}
        )
    expect(page.locator(".slot.filled")).to_have_count(2, timeout=_GUARD_MS)
    page.get_by_role("button", name="Launch", exact=True).click()


@pytest.mark.parametrize("path", ["", "/paint"])
def test_a_painting(start: Started, proxied: Proxied, kind: Kind, browser: Browser, path: str) -> None:
    engine = FakeEngine(steps=20, size=(64, 48))
    proxy = proxied(kind, start(engine, **recommended()), path=path)
    page = opened(browser, proxy)
    paint(page)
    page.wait_for_selector("#status[data-status=completed]")
    assert page.url.startswith(f"{proxy.url}/?job=")
    with page.expect_download() as download:
        page.locator("[data-format=png]").click()
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
    # whoever gets the address watches, under the proxy's name and path
    page.reload()
    page.wait_for_selector("#status[data-status=completed]")


def test_a_painting_behind_a_password(
    start: Started, proxied: Proxied, kind: Kind, browser: Browser, basic: list[tuple[str, str]]
) -> None:
    running = start(FakeEngine(steps=20, size=(64, 48)), **recommended())
    proxy = proxied(kind, running, changes=basic)
    page = opened(browser, proxy, http_credentials={"username": "anna", "password": "secret of the test"})
    paint(page)
    page.wait_for_selector("#status[data-status=completed]")
    job = page.url.split("job=")[1]
    # the page's own way to delete, with the key that it keeps; the browser fills in the password
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as deleted:
        page.get_by_role("button", name=re.compile("Delete")).first.click()
        confirm = page.get_by_role("dialog").get_by_role("button", name=re.compile("Delete"))
        if confirm.count():
            confirm.click()
    assert (deleted.value.status, job in deleted.value.url) == (204, True)


def test_what_is_too_large_is_refused_while_it_is_sent(
    start: Started, proxied: Proxied, kind: Kind, browser: Browser
) -> None:
    proxy = proxied(kind, start(**recommended(), max_upload_bytes=2**20))
    page = opened(browser, proxy)
    answer = page.evaluate("""async () => {
      const sent = await fetch("api/images", { method: "POST", body: new Uint8Array(2 ** 25) });
      return [sent.status, (await sent.json()).error.reached];
    }""")
    assert answer == [413, "max_upload_bytes"]


def test_a_painting_without_websockets(start: Started, proxied: Proxied, kind: Kind, browser: Browser) -> None:
    engine = FakeEngine(steps=20, size=(64, 48))
    page = opened(browser, proxied(kind, start(engine, **recommended()), changes=NO_SOCKETS[kind]), state="polling")
    expect(page.locator("#notice")).to_contain_text("blocks WebSockets")
    paint(page)
    page.wait_for_selector("#status[data-status=completed]")


def test_a_picture_that_the_proxy_does_not_let_through(
    start: Started, proxied: Proxied, kind: Kind, browser: Browser
) -> None:
    page = opened(browser, proxied(kind, start(**recommended()), changes=SMALL_BODIES[kind]))
    large = io.BytesIO()
    Image.frombytes("RGB", (300, 300), os.urandom(270_000)).save(large, "PNG")
    page.locator(".slots-content input[type=file]").first.set_input_files(
        {"name": "mine.png", "mimeType": "image/png", "buffer": large.getvalue()}
    )
    # nginx refuses, Caddy cuts off what it has begun to pass on and says that the server failed
    said = {"nginx": r"proxy .*\(nginx\) does not let 26\d KB through \(413\)", "caddy": r"proxy .*(413|502|cut off)"}
    expect(page.locator("#slot-notes .note").first).to_have_text(re.compile(said[kind]), timeout=_GUARD_MS)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"allowed_hosts": [NAME]}, r"does not take https://paint\.example\.org:\d+ for its own.*--trusted-proxy"),
        ({"trusted_proxy": ["127.0.0.1"]}, r"does not answer to the name paint\.example\.org.*--allowed-hosts"),
    ],
    ids=["origin", "host"],
)
def test_a_server_that_does_not_know_its_proxy_says_which_setting_is_missing(
    start: Started, proxied: Proxied, kind: Kind, browser: Browser, settings: dict[str, list[str]], says: str
) -> None:
    page = opened(browser, proxied(kind, start(**settings)), state="waiting")
    expect(page.locator("#notice")).to_have_text(re.compile(says), timeout=_GUARD_MS)

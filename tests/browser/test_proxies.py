"""Proxies in the way of the page: without WebSockets, with limits and error pages of their own, without trust."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from tests.support.browser.actions import launch, next_frame, status, upload
from tests.support.browser.axe import faults
from tests.support.browser.site import Site
from tests.support.fake_engine import image_bytes

pytestmark = [pytest.mark.browser, pytest.mark.real_server]
Open = Callable[..., Page]

MOST_S = 10
POLLING = "#connection[data-state=polling]"
NGINX = (
    "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center><hr><center>nginx</center></body></html>"
)


def refuse(socket: WebSocketRoute) -> None:
    socket.close(code=1006)


def hold(socket: WebSocketRoute) -> None:
    """Open it, and let nothing through."""


@pytest.fixture(params=[refuse, hold], ids=["refused", "held"])
def blocked(request: pytest.FixtureRequest, open_page: Open) -> Page:
    """The page behind a proxy without WebSockets, as soon as it goes on without them."""
    page = open_page("livez", connected=False)
    page.route_web_socket(re.compile("/ws"), request.param)
    began = time.monotonic()
    page.goto(page.url.removesuffix("livez"))
    page.wait_for_selector(POLLING)
    assert time.monotonic() - began < MOST_S
    page.wait_for_selector(".tile >> nth=3")
    return page


def test_without_websockets_a_painting_goes_from_launch_to_download(site: Site, blocked: Page) -> None:
    page = blocked
    expect(page.locator("#connection")).to_have_text("Connected, without WebSockets")
    expect(page.locator("#notice")).to_contain_text(
        "A proxy, or something else on the way to the server, blocks WebSockets."
    )
    assert faults(page) == ""
    launch(page, styles=("Red", "Green"))
    status(page, "running")
    first = next_frame(site, page)
    assert next_frame(site, page) > first
    # what needs a socket is not offered
    expect(page.get_by_role("button", name="Pause")).to_be_hidden()
    expect(page.locator("#style_weight")).to_be_disabled()
    expect(page.locator("#hint")).to_contain_text("not paused or changed")
    assert faults(page) == ""
    site.engine.release(500)
    status(page, "completed")
    expect(page.locator("[data-format=png]")).to_be_visible()
    page.locator(".paintings-tile").wait_for()
    # and watched after a reload
    page.reload()
    status(page, "completed")


def test_without_websockets_a_painting_can_be_stopped(site: Site, blocked: Page) -> None:
    launch(blocked)
    status(blocked, "running")
    next_frame(site, blocked)
    blocked.get_by_role("button", name="Stop", exact=True).click()
    status(blocked, "cancelled")
    expect(blocked.get_by_role("button", name="Launch again")).to_be_visible()


def test_when_websockets_come_through_after_all_they_are_used(site: Site, open_page: Open) -> None:
    page = open_page("livez", connected=False)
    through = False

    def first_not(socket: WebSocketRoute) -> None:
        if through:
            socket.connect_to_server()
        else:
            socket.close(code=1006)

    page.route_web_socket(re.compile("/ws"), first_not)
    page.goto(site.address)
    page.wait_for_selector(POLLING)
    page.wait_for_selector(".tile >> nth=3")
    launch(page)
    status(page, "running")
    next_frame(site, page)
    through = True
    page.wait_for_selector("#connection[data-state=open]")
    expect(page.locator("#notice")).to_be_hidden()
    page.get_by_role("button", name="Pause").click()
    status(page, "paused")


@pytest.mark.parametrize(
    ("code", "title", "says"),
    [
        (413, "413 Request Entity Too Large", "(nginx) does not let 1.5 KB through (413).*client_max_body_size"),
        (401, "401 Authorization Required", "(nginx) requires a name and a password of its own (401)"),
        (502, "502 Bad Gateway", "(nginx) cannot reach the server (502)"),
        (200, "Log in", "(nginx) answered with a page of its own"),
    ],
)
def test_a_proxys_own_answer_to_an_upload_is_said_to_be_its_own(
    open_page: Open, code: int, title: str, says: str
) -> None:
    page = open_page()

    def answer(route: Route) -> None:
        route.fulfill(
            status=code, body=NGINX.format(title), content_type="text/html", headers={"Server": "nginx/1.24.0"}
        )

    page.route("**/api/images", answer)
    picture = image_bytes((10, 20, 200), (90, 60))
    upload(page, ".slots-content", picture + bytes(1536 - len(picture)))
    pattern = ".*".join(re.escape(part) for part in says.split(".*"))
    expect(page.locator("#slot-notes .note").first).to_contain_text(re.compile(pattern))
    assert faults(page) == ""


def test_a_proxy_without_its_server_is_named_until_the_server_is_back(site: Site, open_page: Open) -> None:
    page = open_page("livez", connected=False)
    down = NGINX.format("502 Bad Gateway")
    page.route_web_socket(re.compile("/ws"), refuse)
    page.route("**/api/**", lambda route: route.fulfill(status=502, body=down, content_type="text/html"))
    page.goto(site.address)
    expect(page.locator("#notice")).to_contain_text(
        "A proxy in front of the server (nginx) cannot reach the server (502)"
    )
    page.unroute_all()
    page.wait_for_selector(POLLING)
    page.wait_for_selector(".tile >> nth=3")
    launch(page)


@pytest.mark.parametrize("width", [390, 1366])
@pytest.mark.parametrize(
    ("field", "says"),
    [
        ("origin", r"does not take http://127\.0\.0\.1:\d+ for its own address.*--trusted-proxy.*Host header"),
        ("host", r"does not answer to the name 127\.0\.0\.1.*--allowed-hosts 127\.0\.0\.1"),
    ],
)
def test_a_refused_address_says_what_the_operator_must_set(
    site: Site, open_page: Open, field: str, says: str, width: int
) -> None:
    page = open_page("livez", connected=False)
    page.set_viewport_size({"width": width, "height": 800})
    body = json.dumps({"error": {"code": "forbidden", "message": "not allowed", "field": field}})
    page.route_web_socket(re.compile("/ws"), refuse)

    def guarded(route: Route) -> None:
        # a browser sends no Origin with a GET to the page's own server
        if field == "host" or route.request.method == "POST":
            route.fulfill(status=403, body=body, content_type="application/json")
        else:
            route.continue_()

    page.route("**/api/**", guarded)
    page.goto(site.address)
    expect(page.locator("#notice")).to_have_text(re.compile(says))
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    assert faults(page) == ""

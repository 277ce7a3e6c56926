"""What visitors do with the page, and what they see."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.support.browser.site import Site

# the grey of the painting's first pixel, far below 0 while none is shown
GREY = """() => {
  const canvas = document.querySelector(".painting");
  return canvas.hidden ? -9 : canvas.getContext("2d").getImageData(0, 0, 1, 1).data[0];
}"""


def tile(page: Page, title: str) -> None:
    page.get_by_role("button", name=re.compile(title)).and_(page.locator(".tile")).click()


def launch(page: Page, *, styles: tuple[str, ...] = ("Red",)) -> str:
    """Choose from the gallery, launch, and give the job's id from the address."""
    tile(page, "Harbour")
    for style in styles:
        tile(page, style)
    page.get_by_role("button", name="Launch", exact=True).click()
    page.wait_for_url("**/?job=*")
    return page.url.split("job=")[1]


def status(page: Page, name: str) -> None:
    page.wait_for_selector(f"#status[data-status={name}]")


def painted(page: Page, step: int) -> None:
    """The picture of this step of the fake engine (its grey is the step) is on the canvas."""
    page.wait_for_function(f"() => Math.abs(({GREY})() - {step}) <= 1")


def next_frame(site: Site, page: Page) -> int:
    """Let the engine make steps until another picture is on the canvas; the step that it shows.

    Not every step is shown: the server sends a frame only when the last one was drawn.
    """
    return frame_beyond(page.evaluate(GREY), page, site.engine.release)


def frame_beyond(before: int, page: Page, release: Callable[[int], None]) -> int:
    """Release steps until a picture of a later step than `before` is on the canvas; the step that it shows."""
    for _ in range(60):
        release(1)
        try:
            page.wait_for_function(f"() => ({GREY})() > {before}", timeout=500)
        except PlaywrightTimeout:
            continue
        return int(page.evaluate(GREY))
    pytest.fail(f"no frame came after that of step {before}")


def upload(page: Page, selector: str, data: bytes, name: str = "mine.png") -> None:
    """Choose a file for the first slot under the selector."""
    page.locator(f"{selector} input[type=file]").first.set_input_files(
        {"name": name, "mimeType": "image/png", "buffer": data}
    )


def choose(page: Page, *styles: str) -> None:
    tile(page, "Harbour")
    for style in styles:
        tile(page, style)


def begin(site: Site, page: Page) -> None:
    """Launch what is chosen and wait for its first frame."""
    page.get_by_role("button", name="Launch", exact=True).click()
    page.wait_for_url("**/?job=*")
    next_frame(site, page)


def region(page: Page, name: str) -> None:
    page.locator(".region", has_text=name).click()


def labels(page: Page) -> list[str | None]:
    return [face.get_attribute("aria-label") for face in page.locator(".slots-styles .slot-face").all()]

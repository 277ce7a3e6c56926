"""Photograph the page for the documents: start, painting, areas, finished, phone, error, dark.

    python scripts/make_screenshots.py [--out DIR] [--size PX] [--only NAME]

Runs a server with the real engine and a data folder of its own, and drives Chromium with Playwright. Takes minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from duostyle.engine.environment import prepare
from duostyle.settings import Settings
from duostyle.web.app import create_app

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
CONTENT, STYLES = "Astronaut", ("Night of whirls", "Molten dusk")
PATIENCE_MS = 600_000
HALF_WAY = "() => document.querySelector('.bar').style.getPropertyValue('--done') > 0.45"
WIDE, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """A server in a thread; gives its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    app = create_app(Settings(port=port, data_dir=folder))
    server = uvicorn.Server(uvicorn.Config(app, ws="websockets-sansio", log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.should_exit = True
        thread.join()


class Photographer:
    """Opens pages on one server and saves what they look like."""

    def __init__(self, browser: Browser, address: str, out: Path, size_px: int) -> None:
        self._browser, self._address, self._out, self._size_px = browser, address, out, size_px
        self._state: str | None = None
        self._job = ""

    @contextlib.contextmanager
    def page(self, *, viewport: dict[str, int] = WIDE, dark: bool = False, path: str = "") -> Iterator[Page]:
        """The page, connected, with its gallery loaded; it remembers what earlier pages of this one did."""
        context = self._browser.new_context(
            viewport=viewport,  # type: ignore[arg-type]
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            device_scale_factor=2 if viewport is PHONE else 1,
            storage_state=self._state,
        )
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(self._address + path)
        page.wait_for_selector("#connection[data-state=open]")
        page.wait_for_selector(".tile >> nth=10")
        page.wait_for_load_state("networkidle")
        yield page
        self._state = context.storage_state()  # type: ignore[assignment]
        context.close()

    def take(self, page: Page, name: str) -> None:
        page.evaluate("document.activeElement?.blur()")
        page.wait_for_timeout(400)
        page.screenshot(path=self._out / f"page-{name}.jpg", type="jpeg", quality=86)

    def choose(self, page: Page) -> None:
        for title in (CONTENT, *STYLES):
            page.locator(".tile", has_text=title).first.click()
        sizes = page.locator("#size")
        for _ in range(40):
            if int(page.locator("output[for=size]").inner_text().split()[0]) <= self._size_px:
                break
            sizes.press("ArrowLeft")

    def start(self) -> None:
        with self.page() as page:
            self.take(page, "start")

    def painting(self) -> None:
        with self.page() as page:
            self.choose(page)
            page.get_by_role("button", name="Launch", exact=True).click()
            page.wait_for_function(HALF_WAY)
            page.wait_for_selector(".painting:not([hidden])")
            page.evaluate("window.scrollTo(0, 0)")
            self.take(page, "painting")
            self._job = page.url.split("job=")[1]
            page.wait_for_selector("#status[data-status=completed]")
            page.wait_for_selector(".paintings-tile")

    def masks(self) -> None:
        with self.page() as page:
            self.choose(page)
            page.get_by_role("radio", name="Painted").check(force=True)
            page.wait_for_selector("#mask-toolbar:not([hidden])")
            page.locator("[data-fill=right]").click()
            page.evaluate("window.scrollTo(0, 0)")
            self.take(page, "masks")

    def finished(self) -> None:
        with self.page(path=f"?job={self._job}") as page:
            page.wait_for_selector("#status[data-status=completed]")
            page.locator("#recipe summary").click()
            page.get_by_role("button", name="Compare").click()
            page.evaluate("window.scrollTo(0, 70)")
            self.take(page, "finished")

    def phone(self) -> None:
        with self.page(viewport=PHONE, path=f"?job={self._job}") as page:
            page.wait_for_selector("#status[data-status=completed]")
            page.evaluate("window.scrollTo(0, 0)")
            self.take(page, "phone")

    def dark(self) -> None:
        with self.page(dark=True, path=f"?job={self._job}") as page:
            page.wait_for_selector("#status[data-status=completed]")
            page.evaluate("window.scrollTo(0, 0)")
            self.take(page, "dark")

    def error(self) -> None:
        with self.page() as page:
            self.choose(page)
            broken = {"name": "holiday.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n" + b"\0" * 400}
            page.locator(".slots-content input[type=file]").first.set_input_files(broken)  # type: ignore[arg-type]
            page.wait_for_function("() => document.querySelector('.note').textContent !== ''")
            page.evaluate("window.scrollTo(0, 0)")
            self.take(page, "error")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    names = ("start", "painting", "masks", "finished", "phone", "dark", "error")
    parser = argparse.ArgumentParser(description="Photograph the page for the documents.")
    parser.add_argument("--out", type=Path, default=IMAGES, help="folder to write to (default: %(default)s)")
    parser.add_argument(
        "--size", type=int, default=384, metavar="PX", help="longest side of the painting (default: 384)"
    )
    parser.add_argument("--only", choices=names, action="append", help="take this picture; may be repeated")
    options = parser.parse_args(arguments)
    prepare(os.environ)
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        print("make_screenshots: there is no Chromium here", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    wanted = set(options.only or names)
    if wanted & {"finished", "phone", "dark"}:
        wanted.add("painting")
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        photographer = Photographer(browser, address, options.out, options.size)
        for name in names:
            if name in wanted:
                shoot: Callable[[], None] = getattr(photographer, name)
                shoot()
                print(options.out / f"page-{name}.jpg")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

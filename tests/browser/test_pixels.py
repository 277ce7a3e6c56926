"""What the page does to the painting, measured on its pixels. The engine is the real one, the pictures are tiny."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from duostyle.engine.torch_engine import TorchEngine
from tests.support.browser.actions import choose, region, status
from tests.support.browser.site import Site

# the real engine paints, which a busy machine does slowly
pytestmark = [pytest.mark.browser, pytest.mark.real_server, pytest.mark.weights, pytest.mark.timeout(300)]
Open = Callable[..., Page]

# red minus green in the left and in the right third of the painting, -255 to 255
WARMTH = """() => {
  const { width, height } = document.querySelector(".painting");
  const pen = document.querySelector(".painting").getContext("2d");
  const third = Math.max(1, Math.floor(width / 3));
  return [0, width - third].map((left) => {
    const { data } = pen.getImageData(left, 0, third, height);
    let sum = 0;
    for (let at = 0; at < data.length; at += 4) sum += data[at] - data[at + 1];
    return sum / (data.length / 4);
  });
}"""


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A grey content with soft shapes, a red and a green style with grain."""
    folder = tmp_path / "gallery"
    folder.mkdir()
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:72, 0:96]
    shapes = 128 + 40 * np.sin(x / 9) * np.cos(y / 7)
    grain = rng.normal(0, 25, (72, 96))
    made = {
        "Harbour": np.stack([shapes] * 3, -1),
        "Red": np.stack([190 + grain, 45 + grain / 3, 40 + grain / 3], -1),
        "Green": np.stack([40 + grain / 3, 170 + grain, 60 + grain / 3], -1),
        "Gold": np.stack([220 + grain, 170 + grain, 40 + grain / 3], -1),
    }
    listing: dict[str, list[dict[str, str]]] = {"content": [], "style": []}
    for title, pixels in made.items():
        file = f"{title.lower()}.png"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / file)
        listing["content" if title == "Harbour" else "style"].append({"file": file, "title": title, "licence": "CC0"})
    (folder / "gallery.json").write_text(json.dumps(listing), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def engine() -> TorchEngine:
    return TorchEngine(device="cpu", threads=1)


@pytest.fixture
def site(tmp_path: Path, pictures: Path, engine: TorchEngine) -> Iterator[Site]:
    running = Site(tmp_path / "data", pictures, engine, max_size_px=96)
    yield running
    running.stop()


def begin(page: Page) -> None:
    """Red and green at full strength, for longer than any test needs, as large as this server allows: 96 px."""
    choose(page, "Red", "Green")
    page.locator("#style_weight").fill("1000")
    page.locator("#iterations").fill("5000")


def launch(page: Page) -> None:
    page.get_by_role("button", name="Launch", exact=True).click()
    status(page, "running")


def until(page: Page, condition: str) -> list[float]:
    """The warmth of both sides once it meets a condition on `left` and `right`."""
    page.wait_for_function(f"() => {{ const [left, right] = ({WARMTH})(); return {condition}; }}", timeout=60_000)
    return list(page.evaluate(WARMTH))


def stop(page: Page) -> None:
    page.get_by_role("button", name="Stop").click()
    status(page, "cancelled")


def test_painting_an_area_while_it_paints_changes_where_a_style_goes(open_page: Open) -> None:
    page = open_page()
    begin(page)
    launch(page)
    # both styles everywhere: the sides are alike
    left, right = until(page, "left !== 0")
    assert abs(left - right) < 20
    region(page, "Painted")
    page.locator("[data-fill=left]").click()
    until(page, "left > 20 && right < -20")
    # and the other way round
    page.locator("[data-fill=right]").click()
    page.locator(".who").nth(1).click()
    page.locator("[data-fill=left]").click()
    until(page, "left < -20 && right > 20")
    stop(page)


def test_the_mix_moved_while_it_paints_changes_the_picture(open_page: Open) -> None:
    page = open_page()
    begin(page)
    page.locator("#mix input").fill("0")
    launch(page)
    until(page, "left > 20 && right > 20")
    page.locator("#mix input").fill("100")
    until(page, "left < -20 && right < -20")
    stop(page)

"""Where the styles go: rules, painted areas, their way to the server and back. The engine is the fake one."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, expect

from tests.support.browser.actions import begin, choose, next_frame, region, status, tile
from tests.support.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.real_server]
Open = Callable[..., Page]

# what lies over the picture at a place given in shares: red, green, blue, alpha
OVER = """([x, y]) => {
  const canvas = document.querySelector(".mask-overlay");
  const at = [Math.floor(x * canvas.width), Math.floor(y * canvas.height)];
  return [...canvas.getContext("2d").getImageData(...at, 1, 1).data];
}"""


def shown(page: Page, x: float, y: float) -> tuple[str, int]:
    """The colour of the areas at a place, and how opaque it is (153 where painted, 64 where it takes the rest)."""
    red, _, blue, alpha = page.evaluate(OVER, [x, y])
    return "blue" if blue > red else "orange", alpha


def drag(page: Page, *points: tuple[float, float]) -> None:
    """Draw a line over the picture; points are shares of its width and height."""
    box = page.locator(".mask-overlay").bounding_box()
    assert box
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=3)
    page.mouse.up()


def job_masks(page: Page, condition: str) -> Any:
    """The masks of the job on view, once they meet a condition in JavaScript on `masks`."""
    return page.evaluate(
        """async ([job, meets]) => {
          const end = performance.now() + 10000;
          for (;;) {
            const { params: { masks } } = await (await fetch(`api/jobs/${job}`)).json();
            if (meets(masks)) return masks;
            if (performance.now() > end) throw new Error(`masks stay ${masks}`);
            await new Promise(requestAnimationFrame);
          }
        }""".replace("meets(masks)", f"({condition})").replace("[job, meets]", "job"),
        page.url.split("job=")[1],
    )


def painting_with(site: Site, page: Page, masks: Any) -> bool:
    """Whether the engine comes to these masks within a few steps; what waited before a change is drawn first."""
    for _ in range(10):
        next_frame(site, page)
        if site.engine.painters[0].params.masks == masks:
            return True
    return False


def grey(site: Site, page: Page, image_id: str) -> NDArray[np.float64]:
    data = page.request.get(f"{site.address}api/images/{image_id}").body()
    return np.asarray(Image.open(io.BytesIO(data)).convert("L"), dtype=float) / 255


def halves(mask: NDArray[np.float64]) -> tuple[float, float]:
    """The mean of the left and of the right third."""
    third = mask.shape[1] // 3
    return float(mask[:, :third].mean()), float(mask[:, -third:].mean())


def test_the_rules_show_only_with_two_styles_and_are_live(site: Site, open_page: Open) -> None:
    page = open_page()
    choose(page, "Red")
    expect(page.locator("#regions")).to_be_hidden()
    tile(page, "Green")
    region(page, "Left, right")
    expect(page.locator("#mask-toolbar")).to_be_hidden()
    begin(site, page)
    assert site.engine.painters[0].params.masks == "left-right"
    region(page, "Mixed")
    job_masks(page, "masks === null")
    assert painting_with(site, page, None)


def test_painted_areas_are_sent_as_grey_pictures_at_launch(site: Site, open_page: Open) -> None:
    page = open_page()
    choose(page, "Red", "Green")
    region(page, "Painted")
    expect(page.locator(".who small").nth(1)).to_have_text("")
    page.locator("[data-fill=left]").click()
    expect(page.locator(".who small")).to_have_text(["painted", "takes the rest"])
    # at once: the launch waits for the masks
    begin(site, page)
    painter = site.engine.painters[0]
    assert isinstance(painter.params.masks, list)
    first, second = painter.params.masks
    assert first is not None
    assert second is None
    mask = grey(site, page, first)
    assert mask.shape == (384, 512)
    assert halves(mask) == (1.0, 0.0)
    given = painter.request.masks[0]
    assert given is not None
    assert (given.width, given.height) == (512, 384)


def test_painting_is_live_and_undo_and_clear_are_too(site: Site, open_page: Open) -> None:
    page = open_page()
    choose(page, "Red", "Green")
    begin(site, page)
    region(page, "Painted")
    page.locator(".who").nth(1).click()
    page.locator("[data-fill=right]").click()
    filled = job_masks(page, "masks?.[1] && !masks[0]")
    assert halves(grey(site, page, filled[1])) == (0.0, 1.0)
    assert painting_with(site, page, filled)
    page.locator(".who").nth(0).click()
    drag(page, (0.2, 0.1), (0.2, 0.9))
    job_masks(page, "masks?.[1] && masks[0]")
    page.get_by_role("button", name="Undo").click()
    assert job_masks(page, "masks?.[1] && !masks[0]") == filled
    page.get_by_role("button", name="Clear").click()
    job_masks(page, "masks === null")
    page.get_by_role("button", name="Done", exact=True).click()
    expect(page.locator("#mask-toolbar")).to_be_hidden()
    expect(page.locator(".mask-overlay")).to_be_hidden()


def test_size_softness_and_the_eraser_do_what_they_say(open_page: Open) -> None:
    page = open_page()
    choose(page, "Red", "Green")
    region(page, "Painted")
    page.locator("#mask-toolbar [data-part=soft]").fill("0")
    page.locator("#mask-toolbar [data-part=size]").fill("20")
    drag(page, (0.5, 0.5), (0.5, 0.5))
    # a fifth of the longest side across: a radius of 0.1 of the width
    assert shown(page, 0.59, 0.5) == ("blue", 153)
    assert shown(page, 0.61, 0.5) == ("orange", 64)
    page.locator("#mask-toolbar [data-part=soft]").fill("100")
    drag(page, (0.2, 0.5), (0.2, 0.5))
    middle, edge = shown(page, 0.2, 0.5)[1], shown(page, 0.26, 0.5)[1]
    assert middle > edge > 64
    page.locator(".who", has_text="Eraser").click()
    page.locator("#mask-toolbar [data-part=size]").fill("60")
    drag(page, (0.4, 0.5), (0.6, 0.5))
    assert shown(page, 0.5, 0.5)[1] in (0, 64)


def test_escape_puts_the_tools_away_before_it_stops_a_painting(site: Site, open_page: Open) -> None:
    page = open_page()
    choose(page, "Red", "Green")
    begin(site, page)
    region(page, "Painted")
    page.locator("[data-fill=left]").click()
    expect(page.locator(".mix-measured")).to_have_text("Painted areas decide where each style goes.")
    page.keyboard.press("Escape")
    expect(page.locator("#mask-toolbar")).to_be_hidden()
    expect(page.locator(".region input:checked")).to_be_focused()
    status(page, "running")
    assert job_masks(page, "masks?.[0]")
    region(page, "Mixed")
    expect(page.locator(".mix-measured")).to_be_hidden()
    page.keyboard.press("Escape")
    status(page, "cancelled")


def test_areas_can_be_painted_by_keyboard_alone(site: Site, open_page: Open) -> None:
    page = open_page()
    choose(page, "Red", "Green")
    page.locator(".region input").first.focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#mask-toolbar")).to_be_visible()
    page.locator("#mask-toolbar [data-fill=right]").focus()
    page.keyboard.press("Enter")
    page.locator(".mask-overlay").focus()
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    page.keyboard.down("Space")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.up("Space")
    assert shown(page, 0.2, 0.5) == ("blue", 153)
    page.keyboard.press("z")
    assert shown(page, 0.2, 0.5)[1] == 64
    page.keyboard.press("Control+Enter")
    status(page, "running")
    mask = site.engine.painters[0].params.masks
    assert isinstance(mask, list)
    assert halves(grey(site, page, str(mask[0]))) == (0.0, 1.0)


def test_painted_areas_survive_a_reload(site: Site, open_page: Open) -> None:
    page = open_page()
    choose(page, "Red", "Green")
    begin(site, page)
    region(page, "Painted")
    page.locator("[data-fill=top]").click()
    before = job_masks(page, "masks?.[0]")
    page.reload()
    status(page, "running")
    expect(page.locator(".region input:checked")).to_have_value("painted")
    page.get_by_role("button", name="Edit areas").click()
    page.wait_for_function(f"() => ({OVER})([0.5, 0.2])[3] === 153")
    assert shown(page, 0.5, 0.8)[1] == 64
    page.locator(".who").nth(1).click()
    page.locator("[data-fill=bottom]").click()
    after = job_masks(page, "masks?.[1]")
    # the seam is shared now, the rest stays
    was, now = (grey(site, page, masks[0])[:150] for masks in (before, after))
    assert (was == now).all()


def test_another_content_of_another_shape_begins_without_areas(open_page: Open) -> None:
    page = open_page()
    choose(page, "Red", "Green")
    region(page, "Painted")
    page.locator("[data-fill=all]").click()
    page.locator(".tile", has_text="Gold").drag_to(page.locator(".slots-content .slot-face"))
    assert shown(page, 0.5, 0.5)[1] == 153, "the same shape keeps them"
    page.locator(".slots-content input[type=file]").first.set_input_files(
        {"name": "tall.png", "mimeType": "image/png", "buffer": _tall()}
    )
    expect(page.locator(".slots-content .slot-face")).to_have_attribute("aria-label", re.compile("tall"))
    assert shown(page, 0.5, 0.5)[1] == 0


def _tall() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (30, 60), (9, 9, 9)).save(out, "png")
    return out.getvalue()

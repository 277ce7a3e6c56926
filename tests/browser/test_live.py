"""While it paints: enlarge, compare, look at costs, steer from two tabs, let it paint longer."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.browser.actions import GREY, launch, next_frame, painted, status
from tests.support.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.real_server]
Open = Callable[..., Page]

SCALE = "new DOMMatrix(getComputedStyle(document.querySelector('.sheet')).transform).a"
# a tab that is not seen has no animation frames
HIDE = """
window.held = [];
const seen = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (draw) => window.hidden_tab ? (held.push(draw), 0) : seen(draw);
window.see = () => { window.hidden_tab = false; held.splice(0).forEach((draw) => seen(draw)); };
"""


def frames_sent(site: Site) -> float:
    text = httpx.get(f"{site.address}metrics").text
    return float(re.findall(r"^duostyle_frames_sent_total (\S+)$", text, re.MULTILINE)[0])


def test_the_picture_is_enlarged_by_buttons_keys_and_wheel(site: Site, open_page: Open) -> None:
    page = open_page()
    launch(page)
    next_frame(site, page)
    assert page.evaluate(SCALE) == 1
    page.get_by_role("button", name="Larger").click()
    expect(page.locator("[data-zoom=reset]")).to_have_text("150 %")
    page.locator(".frame").focus()
    page.keyboard.press("+")
    assert page.evaluate(SCALE) == 2.25
    left = page.locator(".sheet").bounding_box()
    page.keyboard.press("ArrowRight")
    moved = page.locator(".sheet").bounding_box()
    assert left
    assert moved
    assert moved["x"] == pytest.approx(left["x"] - 60)
    page.keyboard.press("0")
    assert page.evaluate(SCALE) == 1
    box = page.locator(".frame").bounding_box()
    assert box
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -120)
    page.keyboard.up("Control")
    page.wait_for_function(f"() => {SCALE} > 1")
    page.mouse.dblclick(box["x"] + 50, box["y"] + 50)
    page.wait_for_function(f"() => {SCALE} === 1")


def test_the_compare_line_cuts_the_enlarged_picture_where_it_stands(site: Site, open_page: Open) -> None:
    page = open_page()
    launch(page)
    next_frame(site, page)
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".compare-range")).to_be_focused()
    edge = "parseFloat(document.querySelector('.frame').style.getPropertyValue('--edge'))"
    page.keyboard.press("Home")
    assert page.evaluate(edge) == 0
    for _ in range(3):
        page.keyboard.press("PageUp")
    share = float(page.locator(".compare-range").input_value())
    assert page.evaluate(edge) == pytest.approx(share, abs=0.1)
    # enlarged around the middle: the line stands at the same place of the frame, so at another one of the picture
    page.get_by_role("button", name="Larger").click()
    assert page.evaluate(edge) == pytest.approx(50 + (share - 50) / 1.5, abs=0.1)


def test_the_costs_of_any_step_can_be_read(site: Site, open_page: Open) -> None:
    page = open_page()
    launch(page, styles=("Red", "Green"))
    for _ in range(3):
        next_frame(site, page)
    last = f"step {site.engine.painters[0].step}"
    expect(page.locator(".costs-step")).to_have_text(last)
    page.locator(".costs-range").focus()
    page.keyboard.press("Home")
    expect(page.locator(".costs-step")).not_to_have_text(last)
    first = int(page.locator(".costs-step").inner_text().removeprefix("step "))
    # the fake engine's content cost is 1 / (step + 1), each style's twice that
    shown = page.locator(".costs-legend b").all_inner_texts()
    assert float(shown[1]) == pytest.approx(1 / (first + 1), rel=0.01)
    assert [float(text) for text in shown[2:]] == pytest.approx([2 / (first + 1)] * 2, rel=0.01)
    box = page.locator(".costs-plot").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + 20)
    expect(page.locator(".costs-step")).to_have_text(last)


def test_time_runs_on_between_messages(site: Site, open_page: Open) -> None:
    page = open_page()
    launch(page)
    next_frame(site, page)
    left = "() => document.querySelector('.status-detail').textContent.match(/(\\d+) min (\\d+) s left/)?.slice(1)"
    page.wait_for_function(left)
    minutes, seconds = page.evaluate(left)
    page.wait_for_function(
        f"() => 60 * ({left})()[0] + Number(({left})()[1]) <= {60 * int(minutes) + int(seconds) - 2}"
    )


def test_an_unseen_tab_takes_no_frames_and_then_shows_the_newest(
    site: Site, open_page: Open, context: BrowserContext
) -> None:
    context.add_init_script(HIDE)
    page = open_page()
    launch(page)
    before = next_frame(site, page)
    page.evaluate("window.hidden_tab = true")
    at = site.engine.painters[0].step
    site.engine.release(40)
    page.wait_for_function(
        f"() => /step {at + 40} of/.test(document.querySelector('.status-detail').textContent)", polling=50
    )
    sent = frames_sent(site)
    assert page.evaluate(GREY) == before
    site.engine.release(10)
    page.wait_for_function(
        f"() => /step {at + 50} of/.test(document.querySelector('.status-detail').textContent)", polling=50
    )
    assert frames_sent(site) == sent
    page.evaluate("window.see()")
    page.wait_for_function(f"() => ({GREY})() > {before}")


def test_no_frame_is_drawn_over_the_result(site: Site, open_page: Open, context: BrowserContext) -> None:
    context.add_init_script(HIDE)
    page = open_page()
    launch(page)
    before = next_frame(site, page)
    page.evaluate("window.hidden_tab = true")
    site.engine.release(500)
    page.wait_for_function(f"() => ({GREY})() === 200", polling=50)
    assert page.evaluate("held.length") > 0
    # the frame that waited for the tab to be seen shows an earlier step
    drawn = page.evaluate(f"""async () => {{
      const grey = {GREY};
      const seen = [];
      window.see();
      for (let picture = 0; picture < 5; picture += 1) {{
        await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
        seen.push(grey());
      }}
      return seen;
    }}""")
    assert before < 200
    assert drawn == [200] * 5


def test_two_tabs_on_one_job_agree(site: Site, open_page: Open) -> None:
    page = open_page()
    job = launch(page, styles=("Red", "Green"))
    next_frame(site, page)
    other = open_page(f"?job={job}")
    status(other, "running")
    page.locator("#preserve_color").fill("40")
    page.locator("#mix input").fill("25")
    site.engine.release(1)
    expect(other.locator("output[for=preserve_color]")).to_have_text("40 %")
    expect(other.locator("#mix output").first).to_have_text("75 %")
    expect(page.locator("#hint")).to_have_text("Change applied: watch the painting.")
    other.locator("#style_weight").focus()
    other.keyboard.press("End")
    expect(page.locator("output[for=style_weight]")).to_have_text("200")
    other.get_by_role("button", name="Pause").click()
    status(page, "paused")
    page.get_by_role("button", name="Resume").click()
    status(other, "running")
    site.engine.release(500)
    status(page, "completed")
    status(other, "completed")
    painted(page, 200)
    painted(other, 200)


def test_more_steps_move_the_end_and_afterwards_paint_again(site: Site, open_page: Open) -> None:
    page = open_page()
    launch(page)
    next_frame(site, page)
    page.get_by_role("button", name="More steps").click()
    expect(page.locator("#iterations")).to_have_value("300")
    expect(page.locator("#hint")).to_have_text("Change applied: watch the painting.")
    site.engine.release(250)
    page.wait_for_function("() => /of 300/.test(document.querySelector('.status-detail').textContent)")
    status(page, "running")
    site.engine.release(300)
    status(page, "completed")
    expect(page.locator(".status-line")).to_contain_text("300 steps")
    page.get_by_role("button", name="More steps").click()
    status(page, "running")
    site.engine.release(1)
    expect(page.locator(".status-line")).to_contain_text(re.compile(r"step \d+ of 450"))
    assert site.engine.painters[1].params.iterations == 450

"""Painting without a server: checks before, the picture and its text after, and Ctrl-C."""

from __future__ import annotations

import io
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from duostyle.cli.files import EXTENSIONS, read_order
from duostyle.cli.paint import Painting, Script, paint, plan
from duostyle.errors import BadRequest, CorruptImage, EngineError, ImageTooLarge, UnsupportedFormat
from duostyle.imaging.decode import image_id
from duostyle.params import StyleParams, parse_params
from duostyle.recipe import PARAMS_KEY, Due
from tests.support.fake_engine import FakeEngine, image_bytes, picture_of
from tests.support.picture_files import saved
from tests.support.recorder import Recorder


def painting_of(
    folder: Path, output: str = "out.png", styles: tuple[str, ...] = ("a.png",), **options: Any
) -> Painting:
    pictures = {"content": folder / "content.png", "styles": [folder / style for style in styles]}
    return plan(read_order({**pictures, "output": folder / output, **options}), max_pixels=1_000_000)


def test_a_painting_holds_pictures_and_parameters(files: Path) -> None:
    painting = painting_of(files, styles=("a.png", "b.png"), size=["300"], style_mix=["1,3"])
    assert painting.request.content.rgb[:3] == bytes([200, 40, 10])
    assert [style.rgb[:3] for style in painting.request.styles] == [bytes([0, 200, 0]), bytes([0, 0, 200])]
    assert (painting.request.params.size, painting.request.params.style_mix) == (300, [1.0, 3.0])
    assert painting.request.masks == ()
    assert (painting.order.output, painting.order.format) == (files / "out.png", "png")


def test_masks_are_files_or_none(files: Path) -> None:
    mask = files / "mask.png"
    mask.write_bytes(image_bytes((255, 255, 255)))
    painting = painting_of(files, styles=("a.png", "b.png"), masks=[f"-,{mask}"])
    first, second = painting.request.masks
    assert first is None
    assert second is not None
    assert second.rgb[:3] == b"\xff\xff\xff"
    assert painting.request.params.masks == [None, image_id(mask.read_bytes())]


def test_a_mask_painted_on_transparency_masks_what_was_painted(files: Path) -> None:
    painted = Image.new("RGBA", (2, 1), (255, 255, 255, 0))
    painted.putpixel((0, 0), (255, 255, 255, 255))
    painted.save(files / "mask.png")
    mask = painting_of(files, styles=("a.png", "b.png"), masks=[f"{files / 'mask.png'},-"]).request.masks[0]
    assert mask is not None
    assert mask.rgb == b"\xff\xff\xff\0\0\0"


def test_what_is_protected_is_a_word_or_a_file(files: Path) -> None:
    assert painting_of(files, protect=["person"]).request.params.protect == "person"
    mask = files / "mask.png"
    mask.write_bytes(image_bytes((0, 0, 0)))
    # nothing at all may be protected
    painting = painting_of(files, styles=("a.png", "b.png"), masks=[f"{files / 'a.png'},-"], protect=[str(mask)])
    first, second, protected = painting.request.masks
    assert (first is not None, second, protected is not None) == (True, None, True)
    assert painting.request.params.protect == image_id(mask.read_bytes())
    with pytest.raises(BadRequest, match=r"protect: cannot read .*; the modes are person, background"):
        painting_of(files, protect=["cat"])


def test_a_black_mask_is_refused(files: Path) -> None:
    mask = files / "mask.png"
    mask.write_bytes(image_bytes((0, 0, 0)))
    with pytest.raises(BadRequest, match=r"mask\.png is entirely black"):
        painting_of(files, styles=("a.png", "b.png"), masks=[f"-,{mask}"])


def test_what_was_done_to_a_picture_is_told_but_for_what_a_mask_does_not_show(
    files: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    drawn = Image.new("RGBA", (16, 12), (255, 255, 255, 0))
    drawn.paste((255, 255, 255, 255), (0, 0, 8, 12))
    mask = files / "mask.png"
    mask.write_bytes(saved(drawn))
    painting = painting_of(files, styles=("a.png", "mask.png"), masks=[f"-,{mask}"])
    read = painting.request.masks[1]
    assert read is not None
    assert read.rgb == (bytes([255] * 24) + bytes(24)) * 12
    # of the style, not of the mask
    assert capfd.readouterr().err == f"{mask}: transparent parts are laid on white, unless transparency is kept\n"


def half_seen() -> Image.Image:
    """16 x 12, red on the left, white on the right, where nothing is seen."""
    image = Image.new("RGBA", (16, 12), (255, 255, 255, 0))
    image.paste((255, 0, 0, 255), (0, 0, 8, 12))
    return image


def test_what_is_transparent_is_kept_where_that_is_asked_for(files: Path, capfd: pytest.CaptureFixture[str]) -> None:
    half_seen().save(files / "content.png")
    half_seen().save(files / "a.png")
    request = painting_of(files, transparency=["keep"]).request
    for picture in (request.content, *request.styles):
        assert picture.alpha == bytes([255] * 8 + [0] * 8) * 12
    assert capfd.readouterr().err == "", "nothing was laid on white"
    assert painting_of(files).request.content.alpha is None


@pytest.mark.parametrize("name", ["content.png", "b.png"])
def test_a_picture_that_cannot_be_seen_is_named(files: Path, name: str) -> None:
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(files / name)
    with pytest.raises(BadRequest, match=rf"{name} is entirely transparent"):
        painting_of(files, styles=("a.png", "b.png"), transparency=["keep"])
    painting_of(files, styles=("a.png", "b.png"))


def test_a_mask_mode_needs_no_file(files: Path) -> None:
    painting = painting_of(files, styles=("a.png", "b.png"), masks=["left-right"])
    assert painting.request.params.masks == "left-right"
    assert painting.request.masks == ()


def test_a_mistyped_mask_mode_names_the_modes(files: Path) -> None:
    with pytest.raises(BadRequest, match=r"left-rigth.*left-right"):
        painting_of(files, masks=["left-rigth"])


@pytest.mark.parametrize(("count", "fine"), [(4, True), (5, False)])
def test_one_to_four_styles(files: Path, count: int, fine: bool) -> None:
    if fine:
        assert len(painting_of(files, styles=("a.png",) * count).request.styles) == count
    else:
        with pytest.raises(BadRequest, match="too many styles"):
            painting_of(files, styles=("a.png",) * count)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"hello", UnsupportedFormat),
        (image_bytes()[:45], CorruptImage),
        (image_bytes(size=(1001, 1000)), ImageTooLarge),
    ],
    ids=["text", "cut off", "too many pixels"],
)
def test_a_bad_picture_is_named(files: Path, data: bytes, error: type[Exception]) -> None:
    (files / "bad.png").write_bytes(data)
    with pytest.raises(error, match=r"bad\.png: "):
        painting_of(files, styles=("bad.png",))


@pytest.mark.parametrize("extension", [*EXTENSIONS, ".PNG"])
def test_the_extension_selects_the_format(files: Path, extension: str) -> None:
    painting = painting_of(files, output="out" + extension)
    assert paint(painting, FakeEngine(), Recorder())
    with Image.open(painting.order.output) as image:
        assert (image.format or "").lower() == EXTENSIONS[extension.lower()]
        assert image.size == (8, 6)


def test_a_painting_is_saved_and_reported(files: Path) -> None:
    recorder = Recorder()
    painting = painting_of(files, styles=("a.png", "b.png"), iterations=["3"])
    assert paint(painting, FakeEngine(), recorder)
    assert recorder.steps == [1, 2, 3]
    ((kind, facts),) = recorder.ends
    assert kind == "completed"
    assert facts["evaluations"] == 3
    assert facts["elapsed_s"] == 3.0
    assert facts["costs"]["style"] == [0.5, 0.5]
    assert (facts["partial"], facts["width"], facts["height"]) == (False, 8, 6)
    with Image.open(painting.order.output) as image:
        assert image.convert("RGB").tobytes() == picture_of(3).rgb


def test_the_parameters_in_the_png_can_be_used_again(files: Path) -> None:
    painting = painting_of(files, styles=("a.png", "b.png"), size=["300"], style_mix=["1,3"], seed=["5"])
    paint(painting, FakeEngine(), Recorder())
    with Image.open(io.BytesIO(painting.order.output.read_bytes())) as image:
        image.load()
        stored = json.loads(image.info[PARAMS_KEY])
    assert parse_params(stored, styles=2, max_size_px=8192).model_dump() == painting.request.params.model_dump()


def test_ctrl_c_saves_the_best_so_far(files: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    recorder = Recorder(at=2)
    painting = painting_of(files)
    assert not paint(painting, FakeEngine(steps=50), recorder)
    assert recorder.steps == [1, 2]
    assert recorder.ends[0][0] == "cancelled"
    assert recorder.ends[0][1]["partial"] is True
    with Image.open(painting.order.output) as image:
        assert image.convert("RGB").tobytes() == picture_of(2).rgb
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_says_what_happens(files: Path, capfd: pytest.CaptureFixture[str]) -> None:
    paint(painting_of(files), FakeEngine(), Recorder(at=1))
    assert "will be saved" in capfd.readouterr().err


def test_a_second_ctrl_c_saves_nothing(files: Path) -> None:
    painting = painting_of(files)
    before = sorted(files.iterdir())
    with pytest.raises(KeyboardInterrupt):
        paint(painting, FakeEngine(), Recorder(at=2, presses=2))
    assert sorted(files.iterdir()) == before


def test_ctrl_c_before_painting_saves_nothing(files: Path) -> None:
    class Slow(FakeEngine):
        def load(self) -> None:
            signal.raise_signal(signal.SIGINT)

    recorder = Recorder()
    painting = painting_of(files)
    assert not paint(painting, Slow(), recorder)
    assert recorder.ends == []
    assert not painting.order.output.exists()


def test_an_engine_that_fails_leaves_the_old_file(files: Path) -> None:
    painting = painting_of(files)
    painting.order.output.write_bytes(b"older")
    engine = FakeEngine()
    engine.fail_at, engine.error = 2, EngineError("not finite")
    with pytest.raises(EngineError):
        paint(painting, engine, Recorder())
    assert painting.order.output.read_bytes() == b"older"


def test_a_link_stays_a_link(files: Path) -> None:
    (files / "real.png").write_bytes(b"older")
    (files / "link.png").symlink_to(files / "real.png")
    assert paint(painting_of(files, output="link.png"), FakeEngine(), Recorder())
    assert (files / "link.png").is_symlink()
    assert (files / "real.png").read_bytes().startswith(b"\x89PNG")


def test_a_script_makes_each_change_in_its_time() -> None:
    one, two, three = (StyleParams(style_weight=weight) for weight in (1.0, 2.0, 3.0))
    script = Script([(Due(0, one), ()), (Due(4, two), ()), (Due(4, three), ())])
    assert script.params is None
    assert script.take_update() == (one, ())
    assert script.params is one
    assert script.take_update() == (None, None)
    script.step = 3
    assert script.take_update() == (None, None)
    script.step = 4
    assert [script.take_update()[0] for _ in range(3)] == [two, three, None]

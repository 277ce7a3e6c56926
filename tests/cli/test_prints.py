"""`--depth` and `--dpi` of `paint` and `submit`: the file has what was asked for, or one line says why not."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image

from duostyle.cli import main as cli
from duostyle.cli.files import read_order
from duostyle.cli.paint import Painting, paint, plan, plan_replay
from duostyle.cli.remote import result_as_ordered
from duostyle.client import Client
from duostyle.errors import BadRequest, NotAvailable
from duostyle.imaging import decode as images
from tests.support.by_hand import png_samples, tiff_samples
from tests.support.fake_engine import FakeEngine, deepened, picture_of
from tests.support.real_server.running import Running
from tests.support.recorder import Recorder


def painting_of(folder: Path, output: str, **options: Any) -> Painting:
    pictures = {"content": folder / "content.png", "styles": [folder / "a.png"], "output": folder / output}
    return plan(read_order({**pictures, **options}), max_pixels=1_000_000)


def samples_after(step: int) -> tuple[int, int, list[int]]:
    """What the fake engine has painted by then, with 16 bits."""
    return 8, 6, list(struct.unpack("<144H", deepened(picture_of(step).rgb)))


@pytest.mark.parametrize(
    ("output", "options", "bits"),
    [
        ("out.png", {}, 8),
        ("out.png", {"depth": 8}, 8),
        ("out.png", {"depth": 16}, 16),
        ("out.tiff", {}, 16),
        ("out.tif", {"depth": 8}, 8),
    ],
)
def test_the_depth_is_the_one_asked_for(files: Path, output: str, options: dict[str, Any], bits: int) -> None:
    painting = painting_of(files, output, **options)
    assert paint(painting, FakeEngine(steps=3), Recorder())
    data = painting.order.output.read_bytes()
    if bits == 8:
        assert images.decode(data) == picture_of(3)
    else:
        assert (png_samples if output == "out.png" else tiff_samples)(data) == samples_after(3)


@pytest.mark.parametrize("output", ["out.png", "out.jpg", "out.webp", "out.tiff"])
def test_the_file_has_the_resolution_and_what_replays_it(files: Path, output: str) -> None:
    painting = painting_of(files, output, dpi=200, seed=["7"])
    assert paint(painting, FakeEngine(), Recorder())
    data = painting.order.output.read_bytes()
    with Image.open(io.BytesIO(data)) as image:
        dpi = image.getexif()[282] if output == "out.webp" else image.info["dpi"][0]
    assert dpi == pytest.approx(200, rel=1e-4)
    replayed = plan_replay(painting_of(files, "again.png").order, painting.order.output, max_pixels=1_000_000)
    assert replayed.request.params == painting.request.params


@pytest.mark.parametrize(
    ("output", "options", "says"),
    [
        ("out.jpg", {"depth": 16}, "--depth: a jpeg has 8 bits per channel"),
        ("out.webp", {"depth": 16}, "--depth: a webp has 8 bits per channel"),
        ("out.png", {"dpi": 0}, "--dpi is out of range"),
        ("out.png", {"dpi": 10_001}, "--dpi is out of range"),
    ],
)
def test_what_a_file_cannot_have_is_refused(files: Path, output: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        painting_of(files, output, **options)


@pytest.mark.real_server
def test_submit_prints_as_paint_does(running: Running, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def submit(*more: str) -> int:
        return cli.main(["submit", "content.png", "--style", "style.png", "--server", running.url, *more])

    order = ["--iterations", "9", "--progress", "none", "--dpi", "300"]
    assert submit("-o", "out.tiff", *order) == 0
    assert submit("-o", "out.png", *order, "--depth", "16") == 0
    assert submit("-o", "out.jpg", *order) == 0
    assert submit("-o", "o.tiff", *order, "--depth", "8") == 0
    assert tiff_samples((folder / "out.tiff").read_bytes()) == samples_after(9)
    assert png_samples((folder / "out.png").read_bytes()) == samples_after(9)
    assert images.decode((folder / "o.tiff").read_bytes()) == picture_of(9)
    for name in ("out.tiff", "out.png", "out.jpg", "o.tiff"):
        with Image.open(folder / name) as image:
            assert image.info["dpi"][0] == pytest.approx(300, rel=1e-4)
    assert capsys.readouterr() == ("", "")


class Only8(Recorder):
    """Stands for a client whose server has 8 bits per channel of a job, and hears what is noted."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int | None] = []
        self.notes: list[str] = []

    def result(self, job: str, format: str, *, partial: bool, depth: int | None, dpi: int) -> bytes:
        assert (job, format, dpi) == ("j", "tiff", 300)
        self.asked.append(depth)
        if depth == 16:
            raise NotAvailable("only 8")
        return b"tiff"

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_what_was_stopped_and_has_no_16_bits_is_saved_with_8(files: Path) -> None:
    order, server = painting_of(files, "out.tiff", depth=16, dpi=300).order, Only8()
    assert result_as_ordered(cast(Client, server), "j", order, server, partial=True) == b"tiff"
    assert (server.asked, server.notes) == ([16, 8], ["saved with 8 bits per channel: only 8"])
    # a whole painting is not saved otherwise than it was ordered
    with pytest.raises(NotAvailable):
        result_as_ordered(cast(Client, server), "j", order, server, partial=False)

"""Files that a command line names are read and checked before anything is painted."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from duostyle.cli.files import Order, check_output, read_order
from duostyle.errors import BadRequest
from duostyle.imaging.decode import image_id


def order_of(
    folder: Path, output: str = "out.png", styles: tuple[str, ...] = ("a.png",), **options: list[str]
) -> Order:
    pictures = {"content": folder / "content.png", "styles": [folder / style for style in styles]}
    return read_order({**pictures, "output": folder / output, **options})


def test_an_order_holds_every_file_and_names_masks_by_their_ids(files: Path) -> None:
    order = order_of(files, styles=("a.png", "b.png"), masks=[f"-,{files / 'a.png'}"], size=["300"])
    assert [file.path.name for file in (order.content, *order.styles)] == ["content.png", "a.png", "b.png"]
    assert order.styles[1].data == (files / "b.png").read_bytes()
    assert order.masks == (None, order.styles[0])
    assert order.params == {"size": 300, "masks": [None, image_id((files / "a.png").read_bytes())]}
    assert order.checked_params().size == 300
    assert (order.output, order.format) == (files.resolve() / "out.png", "png")


def test_a_file_that_is_not_there(files: Path) -> None:
    with pytest.raises(BadRequest, match=r"cannot read .*nowhere\.png: No such file"):
        order_of(files, styles=("nowhere.png",))


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("out.gif", "the file extension selects the format"),
        ("out", "the file extension selects the format"),
        ("missing/out.png", "cannot write to folder .*No such file"),
        ("folder.png", "is a folder"),
        ("a.png", "one of the input files"),
    ],
)
def test_outputs_that_cannot_be(files: Path, output: str, why: str) -> None:
    (files / "folder.png").mkdir()
    with pytest.raises(BadRequest, match=why):
        order_of(files, output=output)


def test_a_file_to_replay_is_not_overwritten(files: Path) -> None:
    pictures = {"content": files / "content.png", "styles": [files / "a.png"]}
    with pytest.raises(BadRequest, match="one of the input files"):
        read_order({**pictures, "output": files / "b.png", "replay": files / "b.png"})


def test_a_folder_without_write_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # raised by hand: chmod stops no test that runs as root
    def denied(*, dir: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", denied)
    with pytest.raises(BadRequest, match=r"cannot write to folder .*Permission denied"):
        check_output(tmp_path / "out.png", [])

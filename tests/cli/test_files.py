"""Files that a command line names are read and checked before anything is painted."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from PIL import Image

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
    assert order.content.path.name == "content.png"
    assert [style.path.name for style in order.styles] == ["a.png", "b.png"]
    assert order.styles[1].files[0].data == (files / "b.png").read_bytes()
    assert order.masks == (None, order.styles[0].files[0])
    assert order.shared.params == {"size": 300, "masks": [None, image_id((files / "a.png").read_bytes())]}
    assert order.checked_params(10_000).size == 300
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


def test_a_folder_is_one_style_of_all_its_pictures(files: Path) -> None:
    folder = files / "styles"
    (folder / "below").mkdir(parents=True)
    for name, source in (("2.png", "a.png"), ("1", "b.png"), (".hidden.png", "a.png"), ("below/3.png", "a.png")):
        (folder / name).write_bytes((files / source).read_bytes())
    (folder / "notes.txt").write_text("no picture")
    order = order_of(files, styles=("a.png", "styles"))
    assert [len(style.files) for style in order.styles] == [1, 2]
    assert [file.path.name for file in order.styles[1].files] == ["1", "2.png"]
    assert order.styles[1].id not in {order.styles[0].id, image_id((files / "b.png").read_bytes())}
    before = order.styles[1].id
    (folder / "1").rename(folder / "9")
    assert order_of(files, styles=("styles",)).styles[0].id == before, "whatever the files are called"


def test_a_folder_for_a_style_may_not_be_empty_or_too_full(files: Path) -> None:
    folder = files / "styles"
    folder.mkdir()
    with pytest.raises(BadRequest, match="there are no pictures in the folder"):
        order_of(files, styles=("styles",))
    for number in range(51):
        (folder / f"{number}.png").write_bytes((files / "a.png").read_bytes())
    with pytest.raises(BadRequest, match="too many pictures for one style") as caught:
        order_of(files, styles=("styles",))
    assert (caught.value.limit, caught.value.got) == ("1 to 50", 51)


@pytest.mark.parametrize(
    ("size", "orientation", "most_px", "wanted"),
    [
        ((300, 200), 1, 8192, 300),
        ((200, 300), 6, 8192, 300),
        ((300, 200), 1, 256, 256),
        ((20, 10), 1, 8192, 64),
    ],
    ids=["its own", "upright", "the most", "the least"],
)
def test_native_is_the_longest_side_of_the_content(
    files: Path, size: tuple[int, int], orientation: int, most_px: int, wanted: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", size, (9, 9, 9)).save(files / "content.png", exif=exif)
    order = order_of(files, size=["native"])
    assert order.sized_params(most_px, 10**6)["size"] == wanted
    assert order_of(files, size=["100"]).sized_params(most_px, 10**6)["size"] == 100

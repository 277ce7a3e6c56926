"""Which pairs a benchmark paints."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from bench.common.pictures import add_picture_options, pairs_from, spread


def pairs(*words: str, count: int | None = None) -> list[tuple[str, str]]:
    parser = argparse.ArgumentParser()
    add_picture_options(parser)
    return [(content.stem, style.stem) for content, style in pairs_from(parser.parse_args(words), count)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("bridge.jpg", "tower.PNG", "notes.txt"):
        (tmp_path / name).touch()
    return tmp_path


def test_a_folder_is_paired_with_itself_but_no_picture_with_itself(folder: Path) -> None:
    assert pairs("--pictures", str(folder)) == [("bridge", "tower"), ("tower", "bridge")]


def test_names_choose_from_the_folder_and_from_the_gallery(folder: Path) -> None:
    words = ("--pictures", str(folder), "--contents", "bridge", "chelsea", "--styles", "tower", "starry")
    assert pairs(*words) == [("bridge", "tower"), ("bridge", "starry"), ("chelsea", "tower"), ("chelsea", "starry")]


def test_the_gallery_keeps_contents_and_styles_apart() -> None:
    found = pairs()
    contents, styles = {content for content, _ in found}, {style for _, style in found}
    assert "chelsea" in contents
    assert "starry" in styles
    assert not contents & styles
    assert len(found) == len(contents) * len(styles)


def test_an_unknown_name_and_an_unreadable_folder_are_told(folder: Path) -> None:
    with pytest.raises(SystemExit, match=r"no picture is called moon; there are .*chelsea"):
        pairs("--contents", "moon")
    with pytest.raises(SystemExit, match="No such file"):
        pairs("--pictures", str(folder / "nowhere"))


def test_a_few_pairs_lie_evenly_among_all() -> None:
    contents, styles = [Path("a"), Path("b")], [Path("x"), Path("y"), Path("z")]
    assert spread(contents, styles, 3) == [(Path("a"), Path("x")), (Path("a"), Path("z")), (Path("b"), Path("y"))]
    assert len(spread(contents, styles, 99)) == 6


def test_one_picture_alone_makes_no_pair(tmp_path: Path) -> None:
    (tmp_path / "alone.jpg").touch()
    with pytest.raises(SystemExit, match="no two different"):
        pairs("--pictures", str(tmp_path))

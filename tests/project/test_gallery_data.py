"""The gallery that ships: every listed file is a sound picture with credits, and the painters are repeatable."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageStat

ROOT = Path(__file__).resolve().parents[2]
GALLERY = ROOT / "server" / "duostyle" / "data" / "gallery"
LISTING: dict[str, list[dict[str, str]]] = json.loads((GALLERY / "gallery.json").read_text(encoding="utf-8"))
ENTRIES = [entry for kind in ("content", "style") for entry in LISTING[kind]]
FAST_STYLES = ("starry", "pointillist", "marbling", "neon", "watercolor", "fauve")


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return importlib.import_module("make_gallery")


def test_it_offers_enough_of_both_kinds() -> None:
    assert set(LISTING) == {"content", "style"}
    assert len(LISTING["content"]) >= 4
    assert len(LISTING["style"]) >= 10


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry["file"] for entry in ENTRIES])
def test_each_entry_is_a_credited_picture(entry: dict[str, str]) -> None:
    assert set(entry) == {"file", "title", "author", "licence", "source"}
    assert all(value.strip() for value in entry.values())
    with Image.open(GALLERY / entry["file"]) as picture:
        picture.load()
        assert picture.format == "JPEG"
        assert picture.mode == "RGB"
        assert all(64 <= side <= 1024 for side in picture.size)
        # A picture that failed to paint is flat; all of ours have strong contrast.
        assert max(ImageStat.Stat(picture).stddev) > 25


def test_no_file_is_unlisted_or_listed_twice() -> None:
    listed = sorted(entry["file"] for entry in ENTRIES)
    assert listed == sorted(path.name for path in GALLERY.iterdir() if path.name != "gallery.json")
    assert len({entry["title"] for entry in ENTRIES}) == len(ENTRIES)


def test_the_whole_is_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in GALLERY.iterdir()) < 4_500_000


def test_the_listing_is_what_the_script_writes(maker: Any) -> None:
    assert maker.listing() == LISTING


@pytest.mark.parametrize("name", FAST_STYLES)
def test_the_same_seed_paints_the_same_pixels(maker: Any, name: str) -> None:
    first = maker.paint(name, 96)
    assert max(first.size) == 96
    assert first.mode == "RGB"
    assert first.tobytes() == maker.paint(name, 96).tobytes()
    assert max(ImageStat.Stat(first).stddev) > 20


def test_an_unknown_style_is_refused(maker: Any) -> None:
    with pytest.raises(KeyError):
        maker.paint("nothing", 96)


def test_a_photo_is_copied_without_enlarging(maker: Any, tmp_path: Path) -> None:
    Image.new("RGB", (1536, 384), (200, 30, 60)).save(tmp_path / "chelsea.png")
    Image.new("L", (80, 100), 128).save(tmp_path / "coffee.png")
    chelsea, coffee = maker.PHOTOS[0], maker.PHOTOS[1]
    for photo, size in ((chelsea, (768, 192)), (coffee, (80, 100))):
        with Image.open(maker.copy_photo(photo, tmp_path, tmp_path)) as copy:
            assert copy.size == size
            assert copy.mode == "RGB"


def test_the_page_of_credits_names_every_file() -> None:
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    assert [entry["file"] for entry in ENTRIES if f"`{entry['file']}`" not in page] == []

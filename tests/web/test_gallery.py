"""The shipped pictures become ordinary ones that nothing removes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from duostyle.errors import CorruptImage
from duostyle.imaging import decode as images
from duostyle.picture import StoredImage
from duostyle.storage.store import Store
from duostyle.web import gallery
from tests.support.fake_engine import image_bytes


class Offload:
    """Runs at once and counts."""

    calls = 0

    async def __call__(self, function: Callable[[], StoredImage], /) -> StoredImage:
        self.calls += 1
        return function()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "gallery"
    (folder / "style").mkdir(parents=True)
    (folder / "c.png").write_bytes(image_bytes((1, 2, 3), (20, 10)))
    (folder / "style" / "s.png").write_bytes(image_bytes((4, 5, 6), (8, 8)))
    entry = {"title": "T", "author": "A", "licence": "CC0-1.0", "source": "here"}
    listing = {"content": [{"file": "c.png", **entry}], "style": [{"file": "style/s.png", **entry}]}
    (folder / "gallery.json").write_text(json.dumps(listing))
    return folder


async def test_entries_get_their_id_and_size(tmp_path: Path, folder: Path) -> None:
    store = Store(tmp_path / "data")
    await store.open()
    shown = await gallery.load(store, Offload(), folder)
    entry = {"title": "T", "author": "A", "licence": "CC0-1.0", "source": "here"}
    content = images.image_id(image_bytes((1, 2, 3), (20, 10)))
    style = images.image_id(image_bytes((4, 5, 6), (8, 8)))
    assert shown == {
        "content": [{"file": "c.png", **entry, "id": content, "width": 20, "height": 10}],
        "style": [{"file": "style/s.png", **entry, "id": style, "width": 8, "height": 8}],
    }
    assert await store.image_bytes(content) == image_bytes((1, 2, 3), (20, 10))
    assert await store.sweep(keep_days=-1, max_bytes=0) == 0
    assert await store.image(style) is not None
    await store.close()


async def test_a_second_start_decodes_nothing(tmp_path: Path, folder: Path) -> None:
    store = Store(tmp_path / "data")
    await store.open()
    offload = Offload()
    first = await gallery.load(store, offload, folder)
    assert await gallery.load(store, offload, folder) == first
    assert offload.calls == 2
    await store.close()


async def test_no_listing_is_an_empty_gallery(tmp_path: Path) -> None:
    store = Store(tmp_path / "data")
    await store.open()
    assert await gallery.load(store, Offload(), tmp_path) == {"content": [], "style": []}
    await store.close()


async def test_a_damaged_picture_is_noticed(tmp_path: Path, folder: Path) -> None:
    (folder / "c.png").write_bytes(image_bytes()[:30])
    store = Store(tmp_path / "data")
    await store.open()
    with pytest.raises(CorruptImage):
        await gallery.load(store, Offload(), folder)
    await store.close()


def test_what_is_shipped_is_whole() -> None:
    folder = gallery.shipped()
    listing = json.loads(folder.joinpath("gallery.json").read_text("utf-8"))
    for kind in gallery.KINDS:
        assert listing[kind]
        for entry in listing[kind]:
            assert all(entry[name] for name in ("file", "title", "author", "licence", "source"))
            assert folder.joinpath(*entry["file"].split("/")).is_file()

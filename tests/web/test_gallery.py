"""The shipped pictures become ordinary ones that nothing removes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from duostyle.errors import StorageUnavailable
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


@pytest.mark.parametrize("data", [image_bytes()[:30], None], ids=["damaged", "missing"])
async def test_a_picture_that_cannot_be_shown_is_left_out(
    tmp_path: Path, folder: Path, caplog: pytest.LogCaptureFixture, data: bytes | None
) -> None:
    (folder / "c.png").unlink()
    if data is not None:
        (folder / "c.png").write_bytes(data)
    store = Store(tmp_path / "data")
    await store.open()
    shown = await gallery.load(store, Offload(), folder)
    assert [len(shown[kind]) for kind in gallery.KINDS] == [0, 1]
    (record,) = caplog.records
    assert (record.getMessage(), vars(record)["file"]) == ("a picture of the gallery is left out", "c.png")
    await store.close()


def test_what_is_missing_is_found(folder: Path) -> None:
    assert gallery.problems_of(folder) == []
    (folder / "style" / "s.png").unlink()
    assert gallery.problems_of(folder) == ["pictures of the gallery are missing: style/s.png; install duostyle again"]
    (folder / "gallery.json").unlink()
    assert gallery.problems_of(folder) == ["the gallery is missing; install duostyle again"]


def test_what_is_shipped_is_whole() -> None:
    folder = gallery.shipped()
    listing = json.loads(folder.joinpath("gallery.json").read_text("utf-8"))
    for kind in gallery.KINDS:
        assert listing[kind]
        for entry in listing[kind]:
            assert all(entry[name] for name in ("file", "title", "author", "licence", "source"))
            assert folder.joinpath(*entry["file"].split("/")).is_file()


class Maker:
    """Makes bytes when told to, and counts how often it was asked."""

    def __init__(self, *, fails: bool = False) -> None:
        self.calls, self._fails = 0, fails
        self.go = asyncio.Event()

    async def __call__(self) -> bytes:
        self.calls += 1
        await self.go.wait()
        if self._fails:
            raise StorageUnavailable("gone")
        return b"made"


LISTING = {"content": [{"id": f"sha256:{number}"} for number in range(70)], "style": []}


async def test_a_crowd_that_asks_for_one_picture_has_it_made_once() -> None:
    shown, make = gallery.Gallery(LISTING), Maker()
    asking = [asyncio.create_task(shown.encoded("sha256:1", 256, make)) for _ in range(30)]
    await asyncio.sleep(0)
    # who asked first leaves before it is there
    asking[0].cancel()
    make.go.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert (answers[1:], make.calls) == ([b"made"] * 29, 1)
    assert await shown.encoded("sha256:1", 128, make) == b"made"
    assert make.calls == 2


@pytest.mark.parametrize(("image", "px"), [("sha256:1", None), ("sha256:1", 2048), ("sha256:other", 256)])
async def test_only_small_pictures_of_the_gallery_are_kept(image: str, px: int | None) -> None:
    shown, make = gallery.Gallery(LISTING), Maker()
    make.go.set()
    assert [await shown.encoded(image, px, make) for _ in range(2)] == [b"made"] * 2
    assert make.calls == 2


async def test_few_are_kept_and_a_failure_is_not() -> None:
    shown, make, failing = gallery.Gallery(LISTING), Maker(), Maker(fails=True)
    make.go.set()
    failing.go.set()
    with pytest.raises(StorageUnavailable):
        await shown.encoded("sha256:0", 256, failing)
    for number in range(65):
        await shown.encoded(f"sha256:{number}", 256, make)
    assert make.calls == 65
    await shown.encoded("sha256:64", 256, make)
    await shown.encoded("sha256:0", 256, make)
    assert make.calls == 66

"""The built-in content and style pictures: found in the package, stored like any upload, never removed."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Protocol

from duostyle.errors import ImageError
from duostyle.imaging.decode import check, image_id
from duostyle.picture import StoredImage
from duostyle.storage.store import Store

_log = logging.getLogger(__name__)
KINDS = ("content", "style")
# Shipped files are trusted: a server that takes only small uploads still shows its gallery.
_MAX_BYTES, _MAX_PIXELS = 2**28, 2**26


class Offload(Protocol):
    """Runs a blocking function off the event loop."""

    async def __call__(self, function: Callable[[], StoredImage], /) -> StoredImage: ...


# Every first view shows them in the same two sizes; a few more are kept for other programs.
_MAX_KEPT, _MAX_KEPT_PX = 64, 1024


class Gallery:
    """What `/api/gallery` answers, and its pictures as they were last encoded: a crowd asks for the same at once."""

    def __init__(self, listing: Mapping[str, list[dict[str, Any]]]) -> None:
        self.listing = listing
        self._ids = {entry["id"] for entries in listing.values() for entry in entries}
        self._made: OrderedDict[tuple[str, int], asyncio.Task[bytes]] = OrderedDict()

    async def encoded(self, image: str, max_px: int | None, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """What `make` gives for this picture and size, made once for all that ask. Raises what it raises."""
        if image not in self._ids or max_px is None or max_px > _MAX_KEPT_PX:
            return await make()
        key = (image, max_px)
        if key not in self._made:
            self._made[key] = asyncio.ensure_future(_awaited(make))
        task = self._made[key]
        self._made.move_to_end(key)
        if len(self._made) > _MAX_KEPT:
            self._made.popitem(last=False)
        try:
            # one who goes away does not take it from the others
            return await asyncio.shield(task)
        except Exception:
            self._made.pop(key, None)
            raise


def shipped() -> Traversable:
    """The folder of `gallery.json` and its pictures inside the package."""
    return resources.files("duostyle.data").joinpath("gallery")


async def load(store: Store, offload: Offload, folder: Traversable) -> dict[str, list[dict[str, Any]]]:
    """`{content, style}`: the entries of `gallery.json`, each with `id`, `width`, `height` (px) added.

    A folder without `gallery.json` is an empty gallery. What is missing or damaged is left out, and in the log.
    """
    gallery: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for kind, entry in _entries(folder):
        try:
            row = await _stored(store, offload, _file(folder, entry).read_bytes())
        except (OSError, ImageError) as error:
            _log.warning("a picture of the gallery is left out", extra={"file": entry["file"], "reason": str(error)})
            continue
        gallery[kind].append({**entry, "id": row.id, "width": row.width, "height": row.height})
    await store.keep_images(entry["id"] for kind in KINDS for entry in gallery[kind])
    return gallery


def problems_of(folder: Traversable) -> list[str]:
    """What is missing of the gallery in `folder`, in sentences."""
    if not folder.joinpath("gallery.json").is_file():
        return ["the gallery is missing; install duostyle again"]
    missing = [entry["file"] for _, entry in _entries(folder) if not _file(folder, entry).is_file()]
    return [f"pictures of the gallery are missing: {', '.join(missing)}; install duostyle again"] if missing else []


def _entries(folder: Traversable) -> list[tuple[str, dict[str, Any]]]:
    """Every entry of `gallery.json` with its kind."""
    listing = folder.joinpath("gallery.json")
    if not listing.is_file():
        return []
    entries: Mapping[str, Any] = json.loads(listing.read_text("utf-8"))
    return [(kind, entry) for kind in KINDS for entry in entries.get(kind, [])]


def _file(folder: Traversable, entry: Mapping[str, Any]) -> Traversable:
    return folder.joinpath(*entry["file"].split("/"))


async def _awaited(make: Callable[[], Awaitable[bytes]]) -> bytes:
    return await make()


async def _stored(store: Store, offload: Offload, data: bytes) -> StoredImage:
    # Decoding all of them again at every start would cost seconds; the hash says that they are the same.
    row = await store.image(image_id(data))
    if row is None:
        checked = functools.partial(check, data, max_bytes=_MAX_BYTES, max_pixels=_MAX_PIXELS)
        row, _ = await store.put_image(data, await offload(checked))
    return row

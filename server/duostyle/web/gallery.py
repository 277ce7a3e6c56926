"""The built-in content and style pictures: found in the package, stored like any upload, never removed."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Protocol

from duostyle.imaging.decode import check, image_id
from duostyle.picture import StoredImage
from duostyle.storage.store import Store

KINDS = ("content", "style")
# Shipped files are trusted: a server that takes only small uploads still shows its gallery.
_MAX_BYTES, _MAX_PIXELS = 2**28, 2**26


class Offload(Protocol):
    """Runs a blocking function off the event loop."""

    async def __call__(self, function: Callable[[], StoredImage], /) -> StoredImage: ...


def shipped() -> Traversable:
    """The folder of `gallery.json` and its pictures inside the package."""
    return resources.files("duostyle.data").joinpath("gallery")


async def load(store: Store, offload: Offload, folder: Traversable) -> dict[str, list[dict[str, Any]]]:
    """`{content, style}`: the entries of `gallery.json`, each with `id`, `width`, `height` (px) added.

    A folder without `gallery.json` is an empty gallery. Raises ImageError when a picture in it is damaged.
    """
    listing = folder.joinpath("gallery.json")
    if not listing.is_file():
        return {kind: [] for kind in KINDS}
    entries: Mapping[str, Any] = json.loads(listing.read_text("utf-8"))
    gallery: dict[str, list[dict[str, Any]]] = {}
    for kind in KINDS:
        gallery[kind] = []
        for entry in entries.get(kind, []):
            row = await _stored(store, offload, folder.joinpath(*entry["file"].split("/")).read_bytes())
            gallery[kind].append({**entry, "id": row.id, "width": row.width, "height": row.height})
    await store.keep_images(entry["id"] for kind in KINDS for entry in gallery[kind])
    return gallery


async def _stored(store: Store, offload: Offload, data: bytes) -> StoredImage:
    # Decoding all of them again at every start would cost seconds; the hash says that they are the same.
    row = await store.image(image_id(data))
    if row is None:
        checked = functools.partial(check, data, max_bytes=_MAX_BYTES, max_pixels=_MAX_PIXELS)
        row, _ = await store.put_image(data, await offload(checked))
    return row

"""The built-in content and style pictures: found in the package, put into the store like any upload, never swept."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from server import images
from server.images import Checked
from server.store import ImageRow, Store

KINDS = ("content", "style")

Check = Callable[[bytes], Awaitable[Checked]]


def shipped() -> Traversable:
    """The folder of `gallery.json` and its pictures inside the package."""
    return resources.files("server.data").joinpath("gallery")


async def load(store: Store, check: Check, folder: Traversable) -> dict[str, list[dict[str, Any]]]:
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
            row = await _stored(store, check, folder.joinpath(*entry["file"].split("/")).read_bytes())
            gallery[kind].append({**entry, "id": row.id, "width": row.width, "height": row.height})
    await store.keep_images(entry["id"] for kind in KINDS for entry in gallery[kind])
    return gallery


async def _stored(store: Store, check: Check, data: bytes) -> ImageRow:
    # Decoding all of them again at every start would cost seconds; the hash says that they are the same.
    row = await store.image(images.image_id(data))
    if row is None:
        row, _ = await store.put_image(data, await check(data))
    return row

"""Make the gallery: paint all style pictures and list them, with the content photographs, in gallery.json.

    python scripts/make_gallery.py [--out DIR] [--only NAME] [--photos DIR]

The same version of numpy and Pillow paints the same pixels every time. Needs nothing beyond the project's own
dependencies; the photographs are renewed only when asked for, from scikit-image's data folder.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
import time
from pathlib import Path
from typing import NamedTuple

from PIL import Image

LONGEST_SIDE_PX = 768
STYLE_QUALITY = 90
PHOTO_QUALITY = 92
GALLERY = Path(__file__).resolve().parent.parent / "server" / "duostyle" / "data" / "gallery"


class Photo(NamedTuple):
    """A photograph that scikit-image carries in its package."""

    name: str
    original: str
    title: str
    author: str
    licence: str
    source: str


# Credits as scikit-image gives them in the docstrings of skimage.data.
PHOTOS = (
    Photo("chelsea", "chelsea.png", "Chelsea the cat", "Stefan van der Walt", "CC0-1.0",
          "scikit-image, data/chelsea.png"),
    Photo("coffee", "coffee.png", "Coffee cup", "Rachel Michetti", "CC0-1.0",
          "courtesy of Pikolo Espresso Bar, via scikit-image, data/coffee.png"),
    Photo("astronaut", "astronaut.png", "Astronaut Eileen Collins", "NASA", "public domain",
          "NASA Great Images database, via scikit-image, data/astronaut.png"),
    Photo("rocket", "rocket.jpg", "Falcon 9 with DSCOVR on the pad", "SpaceX", "public domain",
          "SpaceX Photos, via scikit-image, data/rocket.jpg"),
)  # fmt: skip

# Module in scripts/gallery -> title, in the order of the gallery.
STYLES = {
    "starry": "Night of whirls",
    "woodcut": "Woodcut waves",
    "fauve": "Valley by palette knife",
    "molten": "Molten dusk",
    "lilies": "Lily pond",
    "stained_glass": "Stained glass",
    "mosaic": "Fish mosaic",
    "pointillist": "River in dots",
    "watercolor": "Watercolour flowers",
    "marbling": "Marbled paper",
    "cubist": "Still life in facets",
    "engraving": "Mountain engraving",
    "neon": "Neon on brick",
}


def paint(name: str, size_px: int = LONGEST_SIDE_PX) -> Image.Image:
    """The style picture ``name`` (a key of ``STYLES``), RGB, ``size_px`` on its longest side; KeyError if unknown."""
    if name not in STYLES:
        raise KeyError(name)
    picture = importlib.import_module(f"gallery.{name}").paint_picture(size_px)
    if not isinstance(picture, Image.Image):
        raise TypeError(f"gallery.{name}.paint_picture must return an image")
    return picture


def listing() -> dict[str, list[dict[str, str]]]:
    """What gallery.json says."""
    content = [
        {"file": f"{p.name}.jpg", "title": p.title, "author": p.author, "licence": p.licence, "source": p.source}
        for p in PHOTOS
    ]
    own = {"author": "duostyle", "licence": "CC0-1.0", "source": "scripts/make_gallery.py"}
    style = [{"file": f"{name}.jpg", "title": title, **own} for name, title in STYLES.items()]
    return {"content": content, "style": style}


def photo_folder(given: Path | None) -> Path | None:
    """Where scikit-image keeps its pictures: ``given``, else the installed package's folder, else None."""
    if given is not None:
        return given
    found = importlib.util.find_spec("skimage")
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "data"


def copy_photo(photo: Photo, folder: Path, out: Path) -> Path:
    """Save one photograph from ``folder`` as JPEG, never enlarged; OSError if it is not there."""
    with Image.open(folder / photo.original) as original:
        picture = original.convert("RGB")
    picture.thumbnail((LONGEST_SIDE_PX, LONGEST_SIDE_PX), Image.Resampling.LANCZOS)
    target = out / f"{photo.name}.jpg"
    picture.save(target, "JPEG", quality=PHOTO_QUALITY, optimize=True)
    return target


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Paint the gallery's style pictures and write gallery.json.")
    parser.add_argument("--out", type=Path, default=GALLERY, help="folder to write to (default: %(default)s)")
    parser.add_argument("--only", metavar="NAME", choices=[*STYLES, *(p.name for p in PHOTOS)], help="make one picture")
    parser.add_argument("--photos", type=Path, metavar="DIR", help="scikit-image's data folder, if it is not installed")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    for name in STYLES:
        if options.only in (None, name):
            start_s = time.perf_counter()
            target = options.out / f"{name}.jpg"
            paint(name).save(target, "JPEG", quality=STYLE_QUALITY, optimize=True)
            print(f"{target}  {target.stat().st_size // 1024} KiB  {time.perf_counter() - start_s:.1f} s")
    folder = photo_folder(options.photos)
    for photo in PHOTOS:
        if options.only not in (None, photo.name):
            continue
        if folder is None:
            print(
                f"{photo.name}: kept as it is; to renew it, install scikit-image or give its data folder with --photos"
            )
        else:
            print(copy_photo(photo, folder, options.out))
    text = json.dumps(listing(), indent=2, ensure_ascii=False) + "\n"
    (options.out / "gallery.json").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

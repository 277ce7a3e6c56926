"""Which pictures a benchmark paints: the gallery's, or those of a folder, as pairs of content and style."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path

GALLERY = Path(__file__).resolve().parents[2] / "server" / "duostyle" / "data" / "gallery"
EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp")

Pair = tuple[Path, Path]


def add_picture_options(parser: argparse.ArgumentParser) -> None:
    """`--pictures`, `--contents`, `--styles`: what `pairs_from` reads."""
    group = parser.add_argument_group("pictures")
    group.add_argument("--pictures", type=Path, metavar="FOLDER", help="folder of pictures instead of the gallery")
    group.add_argument("--contents", nargs="+", metavar="NAME", help="contents, by file name without the extension")
    group.add_argument("--styles", nargs="+", metavar="NAME", help="styles likewise; both may name gallery pictures")


def pairs_from(options: argparse.Namespace, count: int | None) -> list[Pair]:
    """The pairs that the options ask for: every content with every style, or `count` of these spread over all.

    Raises SystemExit when a name is unknown or nothing is left.
    """
    gallery = json.loads((GALLERY / "gallery.json").read_text("utf-8"))
    shipped = {Path(row["file"]).stem: GALLERY / row["file"] for kind in ("content", "style") for row in gallery[kind]}
    if options.pictures is None:
        contents, styles = ([GALLERY / row["file"] for row in gallery[kind]] for kind in ("content", "style"))
        known = shipped
    else:
        contents = styles = pictures_in(options.pictures)
        known = {**shipped, **{path.stem: path for path in contents}}
    contents = contents if options.contents is None else by_name(options.contents, known)
    styles = styles if options.styles is None else by_name(options.styles, known)
    pairs = spread(contents, styles, count)
    if not pairs:
        raise SystemExit("there are no two different pictures to paint with")
    return pairs


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder by name. Raises SystemExit when it cannot be read."""
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() in EXTENSIONS)
    except OSError as error:
        raise SystemExit(f"{folder}: {error.strerror}") from None


def by_name(names: Sequence[str], known: dict[str, Path]) -> list[Path]:
    """Raises SystemExit naming the first name that is not known."""
    for name in names:
        if name not in known:
            raise SystemExit(f"no picture is called {name}; there are {', '.join(sorted(known))}")
    return [known[name] for name in names]


def spread(contents: Sequence[Path], styles: Sequence[Path], count: int | None) -> list[Pair]:
    """All pairs of two different pictures, or `count` (>= 1) that lie evenly among them."""
    everything = [(content, style) for content, style in product(contents, styles) if content != style]
    if count is None or count >= len(everything):
        return everything
    return [everything[index * len(everything) // count] for index in range(count)]

"""What the files of a painting cost: seconds and bytes in each format and depth, as a job that ends writes them.

python -m bench.engine.prints [--sizes 512 2048 4096]

The picture is the instant one of the engine, whose colours are as fine as those of any painting.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from bench.common.machine import describe
from bench.common.pictures import GALLERY
from duostyle.engine.api import Control, Engine, Request
from duostyle.engine.environment import prepare
from duostyle.imaging import decode as images
from duostyle.imaging.encode import encode, encode_deep, relabel
from duostyle.imaging.label import Label
from duostyle.params import StyleParams
from duostyle.picture import Picture

T = TypeVar("T")
# as `duostyle.jobs.queries` gives out results
_QUALITY = 95


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What it gives, and the seconds that it took."""
    begin = time.perf_counter()
    made = work()
    return made, time.perf_counter() - begin


def paint(engine: Engine, size_px: int) -> None:
    """Print one line for what the engine does, and one per file."""
    content, style = (images.decode((GALLERY / name).read_bytes()) for name in ("coffee.jpg", "starry.jpg"))
    request = Request(content, (style,), StyleParams(size=size_px, preset="instant"))
    painter = engine.begin(request, Control())
    painter.run(lambda step: None)
    _, plain_s = timed(painter.picture)
    picture, deep_s = timed(lambda: painter.picture(deep=True))
    name = f"{picture.width} x {picture.height}"
    print(f"{name:>12}  the picture from the engine: {plain_s:.2f} s with 8 bits, {deep_s:.2f} s with 16 too")
    for kind, data, seconds in files(picture):
        bytes_per_px = len(data) / (picture.width * picture.height)
        print(f"{name:>12}  {kind:24}  {seconds:6.2f} s  {len(data) / 1e6:7.2f} MB  {bytes_per_px:5.2f} bytes a pixel")


def files(picture: Picture) -> list[tuple[str, bytes, float]]:
    """What it is, the file, and the seconds that it took."""
    label = Label()
    png, png_s = timed(lambda: encode(picture, "png", label=label))
    deep, deep_s = timed(lambda: encode_deep(picture, "png", label=label))
    return [
        ("png, kept", png, png_s),
        ("png with 16 bits, kept", deep, deep_s),
        ("jpeg", *timed(lambda: encode(images.decode(png), "jpeg", quality=_QUALITY, label=label))),
        ("webp", *timed(lambda: encode(images.decode(png), "webp", quality=_QUALITY, label=label))),
        ("png at 300 dpi", *timed(lambda: encode(images.decode(png), "png", label=Label(300)))),
        ("tiff with 16 bits", *timed(lambda: relabel(deep, "tiff", label=label))),
    ]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 2048, 4096], metavar="PX")
    arguments = parser.parse_args(argv)
    prepare(os.environ)
    from duostyle.engine.torch_engine import TorchEngine

    print(describe())
    engine = TorchEngine()
    engine.load()
    for size_px in arguments.sizes:
        paint(engine, size_px)


if __name__ == "__main__":
    main()

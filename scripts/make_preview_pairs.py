"""Paint the pairs of docs/preview.md: the instant picture and, beside it, the finished painting of the same request.

    python scripts/make_preview_pairs.py [--out DIR] [--size PX]

Takes minutes.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

from PIL import Image

from duostyle.engine.api import Control, Request
from duostyle.engine.environment import create_engine
from duostyle.imaging.decode import decode
from duostyle.imaging.encode import encode
from duostyle.params import StyleParams
from duostyle.picture import Picture
from duostyle.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
GALLERY = ROOT / "server" / "duostyle" / "data" / "gallery"
# name -> content, styles, parameters
PAIRS: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {
    "one": ("chelsea", ("woodcut",), {}),
    "two": ("coffee", ("starry", "fauve"), {}),
    "weak": ("rocket", ("watercolor",), {"style_weight": 3.0}),
    "sides": ("chelsea", ("mosaic", "molten"), {"masks": "left-right"}),
    "person": ("astronaut", ("starry", "lilies"), {"masks": "person"}),
    "kept": ("astronaut", ("stained_glass",), {"protect": "person"}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--size", type=int, default=384)
    options = parser.parse_args()
    engine = create_engine(Settings(data_dir=options.out))
    engine.load()
    for name, (content, styles, params) in PAIRS.items():
        pictures = [decode((GALLERY / f"{file}.jpg").read_bytes()) for file in (content, *styles)]
        asked = StyleParams(size=options.size, **params)
        request = Request(pictures[0], tuple(pictures[1:]), asked)
        preview = engine.preview(request, list(styles), lambda: None)
        painter = engine.begin(request, Control())
        painter.run(lambda step: None)
        beside(preview, painter.picture()).save(options.out / f"preview-{name}.jpg", quality=88)
        print(name, flush=True)


def beside(left: Picture, right: Picture, gap_px: int = 8) -> Image.Image:
    """Both pictures in one, on white."""
    images = [Image.open(io.BytesIO(encode(picture, "png"))) for picture in (left, right)]
    whole = Image.new("RGB", (images[0].width + gap_px + images[1].width, images[0].height), "white")
    whole.paste(images[0], (0, 0))
    whole.paste(images[1], (images[0].width + gap_px, 0))
    return whole


if __name__ == "__main__":
    main()

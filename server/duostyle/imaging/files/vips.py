"""Pictures that libvips reads row by row, so that a large one is reduced while it is decoded.

It also reads TIFFs of every depth. Its messages are part of its errors; nothing is written to standard error.
"""

from __future__ import annotations

import logging
from typing import Literal

import pyvips
from PIL import Image

from duostyle.imaging.files.source import Size
from duostyle.imaging.pixels import by_own_range

Format = Literal["png", "tiff", "webp"]
# `none` would show damaged rows as black.
_FAIL_ON = "error"
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}


def opened(data: bytes, format: Format, *, scale: float = 1.0) -> pyvips.Image:
    """The first picture, with only its header read. `scale`, of a WebP, reduces it. Raises pyvips.Error."""
    # What was read before would be kept, with the file that it came from; and each small flaw of a file be logged.
    pyvips.cache_set_max(0)
    logging.getLogger("pyvips").setLevel(logging.ERROR)
    load = getattr(pyvips.Image, f"{format}load_buffer")
    scaled = {} if scale == 1.0 else {"scale": scale}
    image: pyvips.Image = load(data, access="sequential", fail_on=_FAIL_ON, **scaled)
    return image


def loaded(image: pyvips.Image, target: Size, *, colours: int, alpha: bool) -> Image.Image:
    """Decoded to 8 bits per channel and reduced to `target`; only samples of 8 and 16 bits without sign are reduced.

    The first `colours` bands are used, and the next where that is `alpha`. Raises pyvips.Error.
    """
    bands = min(image.bands, colours + alpha)
    alpha = alpha and bands > colours
    if bands < image.bands:
        image = image.extract_band(0, n=bands)
    if image.format not in ("uchar", "ushort"):
        return by_own_range(image.numpy().reshape(image.height, image.width, bands), alpha=alpha)
    if image.format == "ushort":
        image = image.cast("uchar", shift=True)
    if target[0] < image.width or target[1] < image.height:
        across, down = target[0] / image.width, target[1] / image.height
        if alpha:
            # Whole numbers are resized much faster than floats.
            shrunk = image.premultiply(max_alpha=255).rint().cast("uchar").resize(across, vscale=down)
            image = shrunk.unpremultiply(max_alpha=255).rint().cast("uchar")
        else:
            image = image.resize(across, vscale=down)
    mode = _MODES[colours] if bands >= colours else "L"
    if alpha and mode == "CMYK":
        image = image.copy_memory()
        pixels = _image(mode, image.extract_band(0, n=colours)).convert("RGB")
        pixels.putalpha(_image("L", image.extract_band(colours)))
        return pixels
    return _image(mode + "A" if alpha else mode, image)


def _image(mode: str, image: pyvips.Image) -> Image.Image:
    return Image.frombytes(mode, (image.width, image.height), image.write_to_memory())

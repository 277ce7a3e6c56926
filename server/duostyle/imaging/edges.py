"""Colours beyond the edges of what can be seen, so that whatever is computed near an edge meets no foreign colour.

Under transparent pixels files have any colour, most often white or black. A painting in which it counted would have a
fringe of it as soon as it is laid on another ground.
"""

from __future__ import annotations

from PIL import Image, ImageChops

# an alpha of 1 / 16 and more leaves enough of a colour to be believed wholly
_BELIEF = 16
# of four pixels that become one, a single one with a colour is enough
_QUARTER = 4
# halved at a time, to bound memory; an even number
_STRIP_ROWS = 512


def extended(image: Image.Image, alpha: Image.Image) -> Image.Image:
    """The RGB picture, changed itself, with the colours of visible pixels carried on to where L `alpha` is 0, smoothly;
    the less a pixel of less than 1 / 16 is seen, the more it gets of them. What is visible nowhere is white.

    Pull and push over a pyramid: Gortler et al. 1996, "The Lumigraph", section 3.4.
    """
    if not alpha.getbbox():
        return Image.new("RGB", image.size, "white")
    return _filled(image, alpha.point(lambda value: min(255, value * _BELIEF)))


def _filled(image: Image.Image, known: Image.Image) -> Image.Image:
    """The RGB picture where L `known` is 255, and what its surroundings suggest where it is less; not 0 everywhere."""
    if known.getextrema()[0] == 255 or max(image.size) == 1:
        return image
    half = _halved(image, known)
    weights = half.getchannel("A").point(lambda value: min(255, value * _QUARTER))
    coarse = _filled(half.convert("RGB"), weights)
    box = (0, 0, image.width / 2, image.height / 2)
    image.paste(coarse.resize(image.size, Image.Resampling.BILINEAR, box=box), mask=ImageChops.invert(known))
    return image


def _halved(image: Image.Image, known: Image.Image) -> Image.Image:
    """Means of 2 x 2 pixels, which count by L `known`, and of that as the alpha: RGBA."""
    half = Image.new("RGBA", ((image.width + 1) // 2, (image.height + 1) // 2))
    for top in range(0, image.height, _STRIP_ROWS):
        box = (0, top, image.width, min(top + _STRIP_ROWS, image.height))
        strip = image.crop(box)
        strip.putalpha(known.crop(box))
        # Pillow multiplies colours by their weights before it takes means, and divides afterwards
        half.paste(strip.reduce(2), (0, top // 2))
    return half

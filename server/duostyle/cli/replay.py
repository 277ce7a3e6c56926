"""`duostyle paint --replay`: the order of an earlier painting, with the pictures given again and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from duostyle.cli.options import read_options
from duostyle.cli.paint import MAX_SIZE_PX, Order, check_output, read_file, read_mask, read_picture
from duostyle.errors import BadRequest
from duostyle.imaging import decode as images
from duostyle.imaging.decode import DECODE_PX, style_px
from duostyle.imaging.encode import png_text
from duostyle.params import MAX_STYLES, StyleParams
from duostyle.picture import Picture
from duostyle.recipe import RECIPE_KEY, Masks, read_recipe


def read_replay(
    *,
    recipe: Path,
    content: Path,
    styles: Sequence[Path],
    output: Path,
    options: Mapping[str, Any],
    max_pixels: int,
) -> Order:
    """As `read_order`, but everything is as the file `recipe` says. Of `options` only `masks` is allowed: the files of
    all masks that the job used, in any order.

    Raises BadRequest or ImageError.
    """
    if len(styles) > MAX_STYLES:
        raise BadRequest("too many styles", limit=f"1 to {MAX_STYLES}", got=len(styles))
    raw = read_options(options)
    files = raw.pop("masks", [])
    if raw:
        name = sorted(raw)[0].replace("_", "-")
        raise BadRequest(f"--{name} cannot be given with --replay: the file holds all parameters")
    mask_files = [Path(name) for name in files if name is not None] if isinstance(files, list) else []
    told = read_file(recipe)
    plan = read_recipe(png_text(told, RECIPE_KEY) or told, styles=len(styles), max_size_px=MAX_SIZE_PX)
    format = check_output(output, [recipe, content, *styles, *mask_files])
    wanted = [plan.content, *(plan.styles or [None] * len(styles))]
    bytes_of = [read_file(path) for path in (content, *styles)]
    for path, found, name in zip((content, *styles), bytes_of, wanted, strict=True):
        if name is not None and images.image_id(found) != name:
            raise BadRequest(f"{path} is not the picture that the job painted from", limit=name)
    size = plan.params.size
    masks = _masks(plan.masks, mask_files, max_pixels, max(DECODE_PX, size))

    def masks_of(params: StyleParams) -> Masks:
        chosen = params.masks if isinstance(params.masks, list) else []
        return tuple(None if mask is None else masks[mask] for mask in chosen)

    sides = [max(DECODE_PX, size), *(style_px(size, scale) for scale in plan.params.scales_for(len(styles)))]
    pictures = [
        read_picture(path, found, max_pixels, side)
        for path, found, side in zip((content, *styles), bytes_of, sides, strict=True)
    ]
    return Order.of(
        pictures,
        plan.params,
        masks_of(plan.params),
        output=output,
        format=format,
        sources=tuple(images.image_id(found) for found in bytes_of),
        changes=tuple((due, masks_of(due.params)) for due in plan.changes),
    )


def _masks(wanted: Sequence[str], files: Sequence[Path], max_pixels: int, max_px: int) -> dict[str, Picture]:
    given = {images.image_id(data): (path, data) for path in files for data in [read_mask(str(path))]}
    for name in wanted:
        if name not in given:
            raise BadRequest("masks: the job used one that is not given; name all of them with --masks", limit=name)
    return {name: read_picture(*given[name], max_pixels, max_px) for name in wanted}

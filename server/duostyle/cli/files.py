"""The files that a command line names: pictures to paint from, read and checked, and the picture to write."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from duostyle.cli.options import read_options
from duostyle.errors import BadRequest, ImageError
from duostyle.imaging.decode import TRANSPARENT_NOTE, check, decode, decode_mask, image_id
from duostyle.imaging.encode import Format
from duostyle.params import MASK_MODES, MAX_STYLES, PROTECTIONS, StyleParams, parse_params
from duostyle.picture import Picture

EXTENSIONS: Mapping[str, Format] = {
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".webp": "webp",
    ".tif": "tiff",
    ".tiff": "tiff",
}
QUALITY = 95
# no server's limit applies: the machine is the painter's own
MAX_SIZE_PX = 8192


@dataclass(frozen=True, slots=True)
class InputFile:
    """A picture file that has been read, but not decoded."""

    path: Path
    data: bytes

    @property
    def id(self) -> str:
        """The image id that a server gives these bytes."""
        return image_id(self.data)

    def picture(self, max_pixels: int, max_px: int, *, mask: bool = False) -> Picture:
        """Its longest side at most `max_px`; what was done to it goes to standard error.

        Raises ImageError naming the file, also for more than `max_pixels`.
        """
        try:
            checked = check(self.data, max_bytes=len(self.data), max_pixels=max_pixels)
            picture = (decode_mask if mask else decode)(self.data, max_px=max_px)
        except ImageError as error:
            raise self.named(error) from None
        self.tell(checked.notes, mask=mask)
        return picture

    def tell(self, notes: Sequence[str], *, mask: bool = False) -> None:
        """Say on standard error what was done to show the picture, a line for each. A mask is not laid on white."""
        for note in notes:
            if not (mask and note == TRANSPARENT_NOTE):
                print(f"{self.path}: {note}", file=sys.stderr)

    def named(self, error: ImageError) -> ImageError:
        """The same error, naming the file."""
        return type(error)(f"{self.path}: {error.message}", limit=error.limit, got=error.got, reached=error.reached)


@dataclass(frozen=True, slots=True)
class Order:
    """What a command line asks to be painted. `params` are as given; the masks that they name are image ids."""

    content: InputFile
    styles: tuple[InputFile, ...]
    masks: tuple[InputFile | None, ...]
    params: Mapping[str, Any]
    output: Path
    format: Format

    def checked_params(self) -> StyleParams:
        """Raises BadRequest."""
        return parse_params(self.params, styles=len(self.styles), max_size_px=MAX_SIZE_PX)


def read_order(arguments: Mapping[str, Any]) -> Order:
    """Read every file that the `arguments` of `add_pictures` and `add_options` name, and check that the output can be
    written. Raises BadRequest."""
    content, styles, output = arguments["content"], arguments["styles"], arguments["output"]
    if len(styles) > MAX_STYLES:
        raise BadRequest("too many styles", limit=f"1 to {MAX_STYLES}", got=len(styles))
    params = read_options(arguments)
    masks: tuple[InputFile | None, ...] = ()
    if isinstance(params.get("masks"), list):
        masks = tuple(None if name is None else _read_mask(Path(name), "masks", MASK_MODES) for name in params["masks"])
        params["masks"] = [None if mask is None else mask.id for mask in masks]
    if params.get("protect") not in (None, *PROTECTIONS):
        masks = (*masks, _read_mask(Path(params["protect"]), "protect", PROTECTIONS))
        params["protect"] = masks[-1].id if masks[-1] is not None else None
    pictures = [InputFile(path, read_file(path)) for path in (content, *styles)]
    others = [arguments["replay"]] if arguments.get("replay") else []
    inputs = [content, *styles, *(mask.path for mask in masks if mask is not None), *others]
    format = check_output(output, inputs)
    return Order(pictures[0], tuple(pictures[1:]), masks, params, output.resolve(), format)


def check_output(output: Path, inputs: Sequence[Path]) -> Format:
    """The format that the extension of `output` selects. Raises BadRequest when `output` cannot be written or would
    replace an input."""
    format = EXTENSIONS.get(output.suffix.lower())
    if format is None:
        limit = ", ".join(EXTENSIONS)
        raise BadRequest(f"{output}: the file extension selects the format", limit=limit, got=output.suffix)
    if output.is_dir():
        raise BadRequest(f"{output} is a folder")
    if output.exists() and any(path.exists() and path.samefile(output) for path in inputs):
        raise BadRequest(f"{output} is one of the input files; choose another output")
    folder = output.resolve().parent
    try:
        # only trying shows what permissions and mounts allow
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadRequest(f"cannot write to folder {folder}: {error.strerror}") from None
    return format


def read_file(path: Path) -> bytes:
    """Raises BadRequest when the file cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadRequest(f"cannot read {path}: {error.strerror}") from None


def _read_mask(path: Path, name: str, modes: Sequence[str]) -> InputFile:
    try:
        return InputFile(path, read_file(path))
    except BadRequest as error:
        raise BadRequest(f"{name}: {error.message}; the modes are {', '.join(modes)}") from None

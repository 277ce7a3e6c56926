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
from duostyle.imaging.decode import TRANSPARENT_NOTE, Decoder, check, decode, image_id, sniff
from duostyle.imaging.encode import DEEP_FORMATS, Format
from duostyle.params import MASK_MODES, MAX_STYLES, PROTECTIONS, StyleParams, parse_params
from duostyle.picture import MAX_DPI, MIN_DPI, USUAL_DPI, Depth, Picture, StoredImage

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
MIN_SIZE_PX, MAX_SIZE_PX = 64, 8192
# the value of --size for the content's own
NATIVE = "native"
# of one style that is a folder: all are looked at, at every level
MAX_STYLE_PICTURES = 50
# enough to recognise a format
_HEAD_BYTES = 1024


@dataclass(frozen=True, slots=True)
class InputFile:
    """A picture file that has been read, but not decoded."""

    path: Path
    data: bytes

    @property
    def id(self) -> str:
        """The image id that a server gives these bytes."""
        return image_id(self.data)

    def checked(self, max_pixels: int) -> StoredImage:
        """What it is, once it has been decoded in full. Raises ImageError naming the file."""
        try:
            return check(self.data, max_bytes=len(self.data), max_pixels=max_pixels)
        except ImageError as error:
            raise self.named(error) from None

    def picture(self, max_pixels: int, max_px: int, decoder: Decoder = decode) -> Picture:
        """Its longest side at most `max_px`; what was done to it goes to standard error.

        Raises ImageError naming the file, also for more than `max_pixels`.
        """
        checked = self.checked(max_pixels)
        try:
            picture = decoder(self.data, max_px=max_px)
        except ImageError as error:
            raise self.named(error) from None
        self.tell(checked.notes, flattened=decoder is decode)
        return picture

    def tell(self, notes: Sequence[str], *, flattened: bool) -> None:
        """Say on standard error what was done to show the picture, a line for each; that it is laid on white only where
        it is `flattened`."""
        for note in notes:
            if flattened or note != TRANSPARENT_NOTE:
                print(f"{self.path}: {note}", file=sys.stderr)

    def named(self, error: ImageError) -> ImageError:
        """The same error, naming the file."""
        return type(error)(f"{self.path}: {error.message}", limit=error.limit, got=error.got, reached=error.reached)


@dataclass(frozen=True, slots=True)
class StyleFiles:
    """One style: a picture, or a folder whose pictures make up the style together."""

    path: Path
    files: tuple[InputFile, ...]

    @property
    def id(self) -> str:
        """The image id of the picture; for a folder, what stands for the ids of all its pictures."""
        ids = sorted(file.id for file in self.files)
        return ids[0] if len(ids) == 1 else image_id("".join(ids).encode())


@dataclass(frozen=True, slots=True)
class SharedInputs:
    """What all paintings of a command line have in common. `params` are as given; the masks that they name are image
    ids."""

    styles: tuple[StyleFiles, ...]
    masks: tuple[InputFile | None, ...]
    params: Mapping[str, Any]

    def check(self, max_pixels: int) -> None:
        """Raises BadRequest, or ImageError naming the file, for what would be wrong with every painting."""
        params = {**self.params, "size": MIN_SIZE_PX} if self.params.get("size") == NATIVE else self.params
        parse_params(params, styles=len(self.styles), max_size_px=MAX_SIZE_PX)
        for file in (*(file for style in self.styles for file in style.files), *filter(None, self.masks)):
            file.checked(max_pixels)


@dataclass(frozen=True, slots=True)
class Order:
    """One painting that a command line asks for. `depth` in bits per channel, None where the format decides."""

    content: InputFile
    shared: SharedInputs
    output: Path
    format: Format
    depth: Depth | None = None
    dpi: int = USUAL_DPI

    @property
    def deep(self) -> bool:
        """Whether the file gets 16 bits per channel."""
        return self.depth == 16 or (self.depth is None and self.format == "tiff")

    @property
    def styles(self) -> tuple[StyleFiles, ...]:
        """The styles, in order."""
        return self.shared.styles

    @property
    def masks(self) -> tuple[InputFile | None, ...]:
        """Empty, or one per style."""
        return self.shared.masks

    def sized_params(self, max_size_px: int, max_pixels: int) -> dict[str, Any]:
        """The parameters as given; a size `native` is the content's longest side, within what is allowed. Raises
        ImageError."""
        params = dict(self.shared.params)
        if params.get("size") == NATIVE:
            content = self.content.checked(max_pixels)
            params["size"] = min(max_size_px, max(MIN_SIZE_PX, content.width, content.height))
        return params

    def checked_params(self, max_pixels: int) -> StyleParams:
        """Raises BadRequest, ImageError."""
        params = self.sized_params(MAX_SIZE_PX, max_pixels)
        return parse_params(params, styles=len(self.styles), max_size_px=MAX_SIZE_PX)


def warn_of_jpeg(order: Order) -> None:
    """Say on standard error that the output cannot be transparent, where it is a JPEG."""
    if order.format == "jpeg":
        print(f"{order.output}: JPEG has no transparency; transparent parts are laid on white", file=sys.stderr)


def read_order(arguments: Mapping[str, Any]) -> Order:
    """Read every file that the `arguments` of `add_pictures` and `add_options` name, and check that the output can be
    written. Raises BadRequest."""
    content, output = arguments["content"], arguments["output"]
    shared = read_shared(arguments)
    others = [arguments["replay"]] if arguments.get("replay") else []
    format = check_output(output, [content, *paths_of(shared), *others])
    print_options = read_print(arguments, format)
    return Order(InputFile(content, read_file(content)), shared, output.resolve(), format, *print_options)


def read_print(arguments: Mapping[str, Any], format: Format) -> tuple[Depth | None, int]:
    """What `add_print` gave. Raises BadRequest when the format has no such depth, or `dpi` is out of range."""
    depth, dpi = arguments.get("depth"), arguments.get("dpi", USUAL_DPI)
    if depth == 16 and format not in DEEP_FORMATS:
        raise BadRequest(f"--depth: a {format} has 8 bits per channel", limit="8, or a file .png or .tiff", got=depth)
    if not MIN_DPI <= dpi <= MAX_DPI:
        raise BadRequest("--dpi is out of range", limit=f"{MIN_DPI} to {MAX_DPI}", got=dpi)
    return depth, dpi


def read_shared(arguments: Mapping[str, Any]) -> SharedInputs:
    """Read the styles and masks. Raises BadRequest."""
    if len(arguments["styles"]) > MAX_STYLES:
        raise BadRequest("too many styles", limit=f"1 to {MAX_STYLES}", got=len(arguments["styles"]))
    params = read_options(arguments)
    masks: tuple[InputFile | None, ...] = ()
    if isinstance(params.get("masks"), list):
        masks = tuple(None if name is None else _read_mask(Path(name), "masks", MASK_MODES) for name in params["masks"])
        params["masks"] = [None if mask is None else mask.id for mask in masks]
    if params.get("protect") not in (None, *PROTECTIONS):
        masks = (*masks, _read_mask(Path(params["protect"]), "protect", PROTECTIONS))
        params["protect"] = masks[-1].id if masks[-1] is not None else None
    return SharedInputs(tuple(_read_style(path) for path in arguments["styles"]), masks, params)


def paths_of(shared: SharedInputs) -> list[Path]:
    """The files of all styles and masks."""
    return [file.path for style in shared.styles for file in style.files] + [
        mask.path for mask in shared.masks if mask is not None
    ]


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder, not in those below it, by name. Raises BadRequest when there is none."""
    try:
        found = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise BadRequest(f"cannot read the folder {folder}: {error.strerror}") from None
    pictures = [path for path in found if _has_picture(path)]
    if not pictures:
        raise BadRequest(f"there are no pictures in the folder {folder}")
    return pictures


def is_picture(data: bytes) -> bool:
    """Whether these bytes, or the first ones of a file, are those of a format that can be read."""
    try:
        sniff(data[:_HEAD_BYTES])
    except ImageError:
        return False
    return True


def _has_picture(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return is_picture(file.read(_HEAD_BYTES))
    except OSError:
        return False


def _read_style(path: Path) -> StyleFiles:
    paths = pictures_in(path) if path.is_dir() else [path]
    if len(paths) > MAX_STYLE_PICTURES:
        message = f"the folder {path} has too many pictures for one style"
        raise BadRequest(message, limit=f"1 to {MAX_STYLE_PICTURES}", got=len(paths))
    return StyleFiles(path, tuple(InputFile(each, read_file(each)) for each in paths))


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
    check_folder(output.resolve().parent)
    return format


def check_folder(folder: Path) -> None:
    """Raises BadRequest when no file can be written in this folder."""
    try:
        # only trying shows what permissions and mounts allow
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadRequest(f"cannot write to folder {folder}: {error.strerror}") from None


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

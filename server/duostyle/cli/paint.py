"""`duostyle paint`: one painting in this process, without a server. The engine runs in the main thread."""

from __future__ import annotations

import os
import signal
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from duostyle.cli.options import read_options
from duostyle.cli.progress import Reporter
from duostyle.engine.api import Cancelled, Control, Engine, Painter, Request, Step, steering
from duostyle.errors import BadRequest, ImageError
from duostyle.imaging import decode as images
from duostyle.imaging.decode import DECODE_PX, style_px
from duostyle.imaging.encode import Format, encode
from duostyle.params import MASK_MODES, MAX_STYLES, StyleParams, parse_params
from duostyle.picture import Picture
from duostyle.recipe import Due, Masks, recipe_text
from duostyle.storage.files import write_atomically

ENDINGS: Mapping[str, Format] = {
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".webp": "webp",
    ".tif": "tiff",
    ".tiff": "tiff",
}
# no server's limit applies: the machine is the painter's own
MAX_SIZE_PX = 8192
QUALITY = 95
STOPPING = b"\nstopping; the best picture so far will be saved (Ctrl-C again: stop at once and save nothing)\n"


@dataclass(frozen=True, slots=True)
class Order:
    """What to paint and where to, all of it checked.

    `sources`: image ids of content and styles. `changes`: live changes to make on the way, with their masks.
    """

    request: Request
    output: Path
    format: Format
    sources: tuple[str, ...]
    changes: tuple[tuple[Due, Masks], ...] = ()

    @classmethod
    def of(
        cls,
        pictures: Sequence[Picture],
        params: StyleParams,
        masks: Masks,
        *,
        output: Path,
        format: Format,
        sources: tuple[str, ...],
        changes: tuple[tuple[Due, Masks], ...] = (),
    ) -> Order:
        """`pictures` are the content and the styles."""
        request = Request(pictures[0], tuple(pictures[1:]), params, masks)
        return cls(request, output.resolve(), format, sources, changes)


def read_order(
    *, content: Path, styles: Sequence[Path], output: Path, options: Mapping[str, Any], max_pixels: int
) -> Order:
    """Check everything that can be checked before the engine is loaded; `options` is what `add_options` parsed.

    Raises BadRequest (a parameter, a file that cannot be read or written) or ImageError (a picture).
    """
    if len(styles) > MAX_STYLES:
        raise BadRequest("too many styles", limit=f"1 to {MAX_STYLES}", got=len(styles))
    raw = read_options(options)
    masks = raw.get("masks")
    mask_files = masks if isinstance(masks, list) else []
    mask_data = [None if name is None else read_mask(name) for name in mask_files]
    if mask_files:
        raw["masks"] = [None if data is None else images.image_id(data) for data in mask_data]
    params = parse_params(raw, styles=len(styles), max_size_px=MAX_SIZE_PX)
    format = check_output(output, [content, *styles, *(Path(name) for name in mask_files if name is not None)])
    # as the server does it, so that the same order gives the same painting
    max_px = max(DECODE_PX, params.size)
    paths, sides = [content, *styles], [max_px, *(style_px(params.size, k) for k in params.scales_for(len(styles)))]
    bytes_of = [read_file(path) for path in paths]
    return Order.of(
        [read_picture(path, data, max_pixels, side) for path, data, side in zip(paths, bytes_of, sides, strict=True)],
        params,
        tuple(
            None if data is None else _mask(Path(name), data, max_pixels, max_px)
            for name, data in zip(mask_files, mask_data, strict=True)
        ),
        output=output,
        format=format,
        sources=tuple(images.image_id(data) for data in bytes_of),
    )


def check_output(output: Path, inputs: Sequence[Path]) -> Format:
    """The format by the ending of `output`. Raises BadRequest when it cannot be written or would replace an input."""
    format = ENDINGS.get(output.suffix.lower())
    if format is None:
        raise BadRequest(f"{output}: the ending tells the format", limit=", ".join(ENDINGS), got=output.suffix)
    if output.is_dir():
        raise BadRequest(f"{output} is a folder, not a file to write")
    if output.exists() and any(path.exists() and path.samefile(output) for path in inputs):
        raise BadRequest(f"{output} is one of the pictures to paint from; choose another output")
    folder = output.resolve().parent
    try:
        # what permissions and mounts allow is only known by trying
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadRequest(f"cannot write to folder {folder}: {error.strerror}") from None
    return format


class Script(Control):
    """A control that makes the changes of a recipe: each as soon as `step`, which whoever paints keeps up, is due.

    `params` are those of the last change that was made, None before the first.
    """

    def __init__(self, changes: Iterable[tuple[Due, Masks]]) -> None:
        super().__init__()
        self.step = 0
        self.params: StyleParams | None = None
        self.changes = deque(changes)

    def take_update(self) -> tuple[StyleParams | None, Masks | None]:
        if self.changes and self.changes[0][0].step <= self.step:
            due, masks = self.changes.popleft()
            self.params = due.params
            return due.params, masks
        return None, None


def paint(order: Order, engine: Engine, reporter: Reporter) -> bool:
    """Paint and save. True when done, False when interrupted; then the best picture so far is saved, if there is one.

    Raises what the engine raises, OSError when the picture cannot be written, KeyboardInterrupt on the second Ctrl-C.
    """
    control = Script(order.changes)

    def on_step(step: Step) -> None:
        control.step = step.step
        reporter.step(step)

    with _interruptible(control):
        engine.load()
        try:
            painter = engine.begin(order.request, control)
        except Cancelled:
            return False
        try:
            painter.run(on_step)
            done = True
        except Cancelled:
            done = False
        _save(order, painter, control.params or order.request.params, done, reporter)
    return done


def _save(order: Order, painter: Painter, params: StyleParams, done: bool, reporter: Reporter) -> None:
    picture = painter.picture()
    text = recipe_text(params, order.sources[0], order.sources[1:], steering(painter))
    write_atomically(order.output, encode(picture, order.format, quality=QUALITY, text=text))
    report = painter.report()
    reporter.end(
        "completed" if done else "cancelled",
        {
            **{name: report.get(name) for name in ("costs", "elapsed_s", "evaluations", "share")},
            "partial": not done,
            "width": picture.width,
            "height": picture.height,
            "output": str(order.output),
        },
    )


@contextmanager
def _interruptible(control: Control) -> Iterator[None]:
    """The first Ctrl-C cancels `control`, the second raises KeyboardInterrupt."""

    def on_interrupt(signum: int, frame: FrameType | None) -> None:
        if control.cancelled:
            raise KeyboardInterrupt
        control.cancel()
        # the interrupted code may be inside sys.stderr, which may not be entered twice
        with suppress(OSError):
            os.write(2, STOPPING)

    previous: Callable[[int, FrameType | None], Any] | int | None = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadRequest(f"cannot read {path}: {error.strerror}") from None


def read_mask(name: str) -> bytes:
    try:
        return read_file(Path(name))
    except BadRequest as error:
        raise BadRequest(f"masks: {error.message}; a mode is one of {', '.join(MASK_MODES)}") from None


def _mask(path: Path, data: bytes, max_pixels: int, max_px: int) -> Picture:
    mask = read_picture(path, data, max_pixels, max_px)
    if mask.is_black:
        raise BadRequest(f"masks: {path} is black all over, so its style would go nowhere; - takes what is left")
    return mask


def read_picture(path: Path, data: bytes, max_pixels: int, max_px: int) -> Picture:
    try:
        images.check(data, max_bytes=len(data), max_pixels=max_pixels)
        return images.decode(data, max_px=max_px)
    except ImageError as error:
        raise type(error)(f"{path}: {error.message}", limit=error.limit, got=error.got) from None

"""`duostyle paint`: one painting in this process, without a server. The engine runs in the main thread."""

from __future__ import annotations

from argparse import Namespace
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from duostyle.cli.files import MAX_SIZE_PX, QUALITY, InputFile, Order, read_file, read_order
from duostyle.cli.progress import INTERRUPTED, Reporter, interruptible, make_reporter
from duostyle.engine.api import Cancelled, Control, Engine, Painter, Request, Step, steering
from duostyle.errors import BadRequest
from duostyle.imaging.decode import DECODE_PX, style_px
from duostyle.imaging.encode import encode, png_text
from duostyle.params import StyleParams
from duostyle.picture import Picture
from duostyle.recipe import RECIPE_KEY, Due, Masks, read_recipe, recipe_text
from duostyle.settings import Settings
from duostyle.storage.files import write_atomically

_STOPPING = "stopping; the best picture so far will be saved (press Ctrl-C again to quit without saving)"


@dataclass(frozen=True, slots=True)
class Painting:
    """An order with its pictures decoded. `changes` are live updates to make on the way, with their masks."""

    order: Order
    request: Request
    changes: tuple[tuple[Due, Masks], ...] = ()


def run(arguments: Namespace, settings: Settings, make_engine: Callable[[Settings], Engine]) -> int:
    """The exit status. Raises BadRequest, ImageError, what the engine raises, OSError."""
    order = read_order(vars(arguments))
    if arguments.replay is None:
        painting = plan(order, settings.max_pixels)
    else:
        painting = plan_replay(order, arguments.replay, settings.max_pixels)
    with closing(make_reporter(arguments.progress)) as reporter:
        return 0 if paint(painting, make_engine(settings), reporter) else INTERRUPTED


def plan(order: Order, max_pixels: int) -> Painting:
    """Check and decode what can be before the engine is loaded. Raises BadRequest or ImageError."""
    params = order.checked_params()
    fields = (field for field, _ in params.mask_ids())
    masks = tuple(
        None if mask is None else _mask(mask, params, max_pixels, black=field == "protect")
        for field, mask in zip(fields, order.masks, strict=True)
    )
    return Painting(order, _request(order, params, masks, max_pixels))


def plan_replay(order: Order, file: Path, max_pixels: int) -> Painting:
    """As `plan`, but the parameters and their live updates are those of a recipe; of the order's own parameters only
    `masks` is allowed: the files of all masks that the job used, in any order.

    Raises BadRequest or ImageError.
    """
    for name in sorted(order.params.keys() - {"masks"}):
        option = name.replace("_", "-")
        raise BadRequest(f"--{option} cannot be given with --replay: the file holds all parameters")
    data, count = read_file(file), len(order.styles)
    recipe = read_recipe(png_text(data, RECIPE_KEY) or data, styles=count, max_size_px=MAX_SIZE_PX)
    wanted = [recipe.content, *(recipe.styles or [None] * count)]
    for given, id in zip((order.content, *order.styles), wanted, strict=True):
        if id not in (None, given.id):
            raise BadRequest(f"{given.path} is not the picture that the job used", limit=id)
    files = {mask.id: mask for mask in order.masks if mask is not None}
    masks: dict[str, Picture] = {}
    for id in recipe.masks:
        if id not in files:
            raise BadRequest("masks: a mask of the job is missing; name all of them with --masks", limit=id)
        # the job that used it was told when a style would have appeared nowhere
        masks[id] = _mask(files[id], recipe.params, max_pixels, black=True)

    def masks_of(params: StyleParams) -> Masks:
        return tuple(None if id is None else masks[id] for _, id in params.mask_ids())

    request = _request(order, recipe.params, masks_of(recipe.params), max_pixels)
    return Painting(order, request, tuple((due, masks_of(due.params)) for due in recipe.changes))


class Script(Control):
    """A control that makes the changes of a recipe, each as soon as it is due: the caller keeps `step` up to date.

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


def paint(painting: Painting, engine: Engine, reporter: Reporter) -> bool:
    """Paint and save. True when done, False when interrupted; then the best picture so far is saved, if there is one.

    Raises what the engine raises, OSError when the picture cannot be written, KeyboardInterrupt on the second Ctrl-C.
    """
    control = Script(painting.changes)

    def on_step(step: Step) -> None:
        control.step = step.step
        reporter.step(step)

    with interruptible(control.cancel, _STOPPING):
        engine.load()
        try:
            painter = engine.begin(painting.request, control)
        except Cancelled:
            return False
        try:
            painter.run(on_step)
            done = True
        except Cancelled:
            done = False
        _save(painting.order, painter, control.params or painting.request.params, done, reporter)
    return done


def _request(order: Order, params: StyleParams, masks: Masks, max_pixels: int) -> Request:
    # decoded as the server does it, so that the same order gives the same painting
    sides = [style_px(params.size, scale) for scale in params.scales_for(len(order.styles))]
    styles = tuple(style.picture(max_pixels, side) for style, side in zip(order.styles, sides, strict=True))
    return Request(order.content.picture(max_pixels, max(DECODE_PX, params.size)), styles, params, masks)


def _mask(file: InputFile, params: StyleParams, max_pixels: int, *, black: bool) -> Picture:
    """The grey picture; raises BadRequest where it must not be `black` all over."""
    mask = file.picture(max_pixels, max(DECODE_PX, params.size), mask=True)
    if mask.is_black and not black:
        raise BadRequest(
            f"masks: {file.path} is entirely black, so its style would appear nowhere; use - for the area that is left"
        )
    return mask


def _save(order: Order, painter: Painter, params: StyleParams, done: bool, reporter: Reporter) -> None:
    picture = painter.picture()
    text = recipe_text(params, order.content.id, [style.id for style in order.styles], steering(painter))
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

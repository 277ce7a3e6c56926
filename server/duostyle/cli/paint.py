"""`duostyle paint`: paintings in this process, without a server. The engine runs in the main thread."""

from __future__ import annotations

import math
from argparse import Namespace
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from duostyle.cli.batch import find_contents, name_outputs
from duostyle.cli.files import (
    MAX_SIZE_PX,
    QUALITY,
    InputFile,
    Order,
    StyleFiles,
    is_picture,
    paths_of,
    read_file,
    read_order,
    read_print,
    read_shared,
    warn_of_jpeg,
)
from duostyle.cli.progress import INTERRUPTED, Reporter, interruptible, make_reporter
from duostyle.engine.api import Cancelled, Control, Engine, Painter, Request, Step, steering
from duostyle.errors import BadRequest, DeviceUnavailable, DuostyleError, WeightsError
from duostyle.imaging.decode import DECODE_PX, Decoder, decode_mask, decoder_for, style_px
from duostyle.imaging.encode import encode, encode_deep
from duostyle.imaging.label import Label, read_text
from duostyle.params import StyleParams
from duostyle.picture import Picture
from duostyle.recipe import RECIPE_KEY, REPLAYABLE, Due, Masks, read_recipe, recipe_text
from duostyle.settings import Settings
from duostyle.storage.files import write_atomically

# of a picture in a folder that is one style: small ones would have no strokes
SMALLEST_SIDE_PX = 512
_STOPPING = "stopping; the best picture so far will be saved (press Ctrl-C again to quit without saving)"


@dataclass(frozen=True, slots=True)
class Painting:
    """An order with its pictures decoded. `changes` are live updates to make on the way, with their masks."""

    order: Order
    request: Request
    changes: tuple[tuple[Due, Masks], ...] = ()


def run(arguments: Namespace, settings: Settings, make_engine: Callable[[Settings], Engine]) -> int:
    """The exit status. Raises BadRequest, ImageError, what the engine raises, OSError."""
    if arguments.out_dir is not None:
        return run_many(arguments, settings, make_engine)
    if len(arguments.contents) > 1 or arguments.contents[0].is_dir():
        raise BadRequest("several pictures need --out-dir DIR instead of -o")
    order = read_order({**vars(arguments), "content": arguments.contents[0]})
    if arguments.replay is None:
        painting = plan(order, settings.max_pixels)
    else:
        painting = plan_replay(order, arguments.replay, settings.max_pixels)
    if painting.request.content.alpha is not None:
        warn_of_jpeg(order)
    with closing(make_reporter(arguments.progress)) as reporter:
        return 0 if paint(painting, make_engine(settings), reporter) else INTERRUPTED


def run_many(arguments: Namespace, settings: Settings, make_engine: Callable[[Settings], Engine]) -> int:
    """Paint each content with the same engine; the exit status is 1 when one has failed, which stops no other.

    Ctrl-C saves the best so far of the current one and paints no more. Raises BadRequest, ImageError for the styles and
    masks, DeviceUnavailable, WeightsError.
    """
    if arguments.replay is not None:
        raise BadRequest("--replay repeats one painting: give -o instead of --out-dir")
    contents = find_contents(arguments.contents)
    shared = read_shared(vars(arguments))
    shared.check(settings.max_pixels)
    print_options = read_print(vars(arguments), "png")
    outputs = name_outputs(contents, arguments.out_dir, [*contents, *paths_of(shared)])
    engine, failed = make_engine(settings), False
    with closing(make_reporter(arguments.progress)) as reporter:
        for number, (content, output) in enumerate(zip(contents, outputs, strict=True), 1):
            reporter.begin(str(content), number, len(contents))
            try:
                order = Order(InputFile(content, read_file(content)), shared, output, "png", *print_options)
                if not paint(plan(order, settings.max_pixels), engine, reporter):
                    return INTERRUPTED
            except (DeviceUnavailable, WeightsError):
                # no other would be painted either
                raise
            except (DuostyleError, OSError) as error:
                failed = True
                reporter.fail(str(content), error)
                engine.trim()
    return 1 if failed else 0


def plan(order: Order, max_pixels: int) -> Painting:
    """Check and decode what can be before the engine is loaded. Raises BadRequest or ImageError."""
    params = order.checked_params(max_pixels)
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
    for name in sorted(order.shared.params.keys() - {"masks"}):
        option = name.replace("_", "-")
        raise BadRequest(f"--{option} cannot be given with --replay: the file holds all parameters")
    data, count = read_file(file), len(order.styles)
    text = read_text(data, RECIPE_KEY)
    if text is None and is_picture(data):
        raise BadRequest(f"{file} does not say what it was painted from", limit=REPLAYABLE)
    recipe = read_recipe(text or data, styles=count, max_size_px=MAX_SIZE_PX)
    wanted = [recipe.content, *(recipe.styles or [None] * count)]
    files_given: list[InputFile | StyleFiles] = [order.content, *order.styles]
    for given, id in zip(files_given, wanted, strict=True):
        if id not in (None, given.id):
            raise BadRequest(f"{given.path} is not the picture that the job used", limit=id)
    files = {mask.id: mask for mask in order.masks if mask is not None}
    masks: dict[str, Picture] = {}
    for id in recipe.masks:
        if id not in files:
            raise BadRequest("masks: a mask of the job is missing; name all of them with --masks", limit=id)
        # the job that used it was told when a style would have appeared nowhere
        masks[id] = _mask(files[id], recipe.params, max_pixels, black=True)

    def decoded_masks(params: StyleParams) -> Masks:
        return tuple(None if id is None else masks[id] for _, id in params.mask_ids())

    request = _request(order, recipe.params, decoded_masks(recipe.params), max_pixels)
    return Painting(order, request, tuple((due, decoded_masks(due.params)) for due in recipe.changes))


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
    decoder = decoder_for(params.transparency)
    content = _visible(order.content, max_pixels, max(DECODE_PX, params.size), decoder)
    styles: list[Picture] = []
    companions: list[tuple[Picture, ...]] = []
    for style, scale in zip(order.styles, params.scales_for(len(order.styles)), strict=True):
        side_px = style_px(params.size, scale)
        if len(style.files) > 1:
            # no server has such a style; many pictures in full size would fill the memory
            side_px = max(SMALLEST_SIDE_PX, math.ceil(params.size * scale))
        first, *others = (_visible(file, max_pixels, side_px, decoder) for file in style.files)
        styles.append(first)
        companions.append(tuple(others))
    return Request(content, tuple(styles), params, masks, tuple(companions) if any(companions) else ())


def _visible(file: InputFile, max_pixels: int, max_px: int, decoder: Decoder) -> Picture:
    picture = file.picture(max_pixels, max_px, decoder)
    if picture.is_invisible:
        raise BadRequest(
            f"{file.path} is entirely transparent",
            limit="a picture that can be seen, or --transparency flatten",
        )
    return picture


def _mask(file: InputFile, params: StyleParams, max_pixels: int, *, black: bool) -> Picture:
    """The grey picture; raises BadRequest where it must not be `black` all over."""
    mask = file.picture(max_pixels, max(DECODE_PX, params.size), decode_mask)
    if mask.is_black and not black:
        raise BadRequest(
            f"masks: {file.path} is entirely black, so its style would appear nowhere; use - for the area that is left"
        )
    return mask


def _save(order: Order, painter: Painter, params: StyleParams, done: bool, reporter: Reporter) -> None:
    picture = painter.picture(deep=order.deep)
    text = recipe_text(params, order.content.id, [style.id for style in order.styles], steering(painter))
    label = Label(order.dpi, text)
    if order.deep:
        data = encode_deep(picture, order.format, label=label)
    else:
        data = encode(picture, order.format, quality=QUALITY, label=label)
    write_atomically(order.output, data)
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

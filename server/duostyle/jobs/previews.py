"""Instant pictures: what a painting would look like, before it begins.

A request is checked as that of a job, its pictures are decoded small and remembered, and the engine thread makes the
picture as soon as it can, also while it paints. Nothing is stored and nothing is queued.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from duostyle.engine.api import Engine, Request
from duostyle.errors import BadRequest
from duostyle.imaging.decode import Decoder, decode_mask, decoder_for
from duostyle.jobs.pictures import check_mask, check_visible, find_image, not_uploaded
from duostyle.jobs.registry import JobContext
from duostyle.jobs.request import JobRequest, parse_request
from duostyle.params import StyleParams
from duostyle.picture import Picture
from duostyle.protocol.frames import DEFAULT_PX, SMALLEST_PX

_QUALITY = 85
# larger ones would take seconds and gigabytes from the painting
_MOST_PX = 2048
# the longest side that a content is decoded to; doubled until it is enough for the picture
_LEAST_CONTENT_PX = 1024
# a style is looked at in 256 x 256 px, four times as large for the largest strokes; a mask at the picture's own size
_STYLE_PX = 512
_REMEMBERED_BYTES = 64 << 20


class Previews:
    """Makes instant pictures. All methods run on the loop."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._decoded = Decoded(_REMEMBERED_BYTES)

    async def jpeg(self, content: Any, styles: Any, params: Any, max_px: Any) -> tuple[bytes, int, int]:
        """The picture as a JPEG with its width and height in px; the fields came as JSON.

        Raises BadRequest, NotFound (with the field's path), CorruptImage, TooManyRequests, ShuttingDown and what the
        engine raises.
        """
        clock = self._context.hub.clock
        begin = clock()
        settings = self._context.settings
        request = parse_request(content, styles, params, max_size_px=settings.max_size_px)
        size_px = min(_checked_px(max_px, min(settings.max_size_px, _MOST_PX)), request.params.size)
        order, names = await self._order(request, size_px)

        def work(engine: Engine, check: Callable[[], None]) -> Picture:
            return engine.preview(order, names, check)

        picture = await self._context.engine_thread.ask(work)
        image = await self._context.pools.encode_jpeg(picture, size_px, _QUALITY)
        self._context.metrics.preview_s.observe(clock() - begin)
        return image, picture.width, picture.height

    async def _order(self, request: JobRequest, size_px: int) -> tuple[Request, list[Hashable]]:
        params = request.params.model_copy(update={"size": size_px})
        content_px = _LEAST_CONTENT_PX
        while content_px < 1.5 * size_px and content_px < self._context.settings.max_size_px:
            content_px *= 2
        decoder = decoder_for(params.transparency)
        content = await self._picture(request.content, "content", content_px, decoder)
        styles = []
        for index, style in enumerate(request.styles):
            styles.append(await self._picture(style, f"styles.{index}", _STYLE_PX, decoder))
        # the same picture is another style without its transparent parts
        names: list[Hashable] = [(style, params.transparency) for style in request.styles]
        return Request(content, tuple(styles), params, await self._masks(params, content_px)), names

    async def _masks(self, params: StyleParams, max_px: int) -> tuple[Picture | None, ...]:
        return tuple(
            [
                None if mask is None else await self._picture(mask, f"params.{field}", max_px, decode_mask)
                for field, mask in params.mask_ids()
            ]
        )

    async def _picture(self, image_id: str, field: str, max_px: int, decoder: Decoder) -> Picture:
        context = self._context
        # also of a remembered one: it may have been deleted since
        await find_image(context, image_id, field)
        key = (image_id, max_px, decoder)
        found = self._decoded.get(key)
        if found is None:
            data = await context.store.image_bytes(image_id)
            if data is None:
                raise not_uploaded(image_id, field)
            found = await context.pools.offload(decoder, data, max_px=max_px)
            self._decoded.put(key, found)
        if decoder is decode_mask:
            check_mask(found, field)
        else:
            check_visible(found, field)
        return found


class Decoded:
    """Decoded pictures, the least recently used forgotten first, of at most `max_bytes` in all."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._pictures: OrderedDict[Hashable, Picture] = OrderedDict()
        self.bytes = 0

    def get(self, key: Hashable) -> Picture | None:
        """The picture, if it is remembered."""
        found = self._pictures.get(key)
        if found is not None:
            self._pictures.move_to_end(key)
        return found

    def put(self, key: Hashable, picture: Picture) -> None:
        """Remember it, unless it alone is too large."""
        if key in self._pictures or picture.held_bytes > self._max_bytes:
            return
        self._pictures[key] = picture
        self.bytes += picture.held_bytes
        while self.bytes > self._max_bytes:
            self.bytes -= self._pictures.popitem(last=False)[1].held_bytes


def _checked_px(max_px: Any, most: int) -> int:
    if max_px is None:
        return min(DEFAULT_PX, most)
    if isinstance(max_px, bool) or not isinstance(max_px, int) or not SMALLEST_PX <= max_px <= most:
        got = max_px if isinstance(max_px, int | float) and abs(max_px) < 1e9 else type(max_px).__name__
        raise BadRequest(
            "max_px must be a whole number within the limits of this server",
            field="max_px",
            limit=f"{SMALLEST_PX} to {most}",
            got=got,
        )
    return max_px

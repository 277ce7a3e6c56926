"""The pictures of jobs: found in the store, decoded off the loop, refused when nothing of them would be seen."""

from __future__ import annotations

from duostyle.engine.api import Request
from duostyle.errors import BadRequest, NotFound
from duostyle.imaging.decode import DECODE_PX, Decoder, decode_mask, decode_with_alpha, decoder_for, style_px
from duostyle.job import Job
from duostyle.jobs.registry import JobContext
from duostyle.params import StyleParams
from duostyle.picture import Picture, StoredImage


async def find_image(context: JobContext, image_id: str, field: str) -> StoredImage:
    """What is known of an uploaded picture. Raises NotFound naming the field."""
    image = await context.store.image(image_id)
    if image is None:
        raise not_uploaded(image_id, field)
    return image


def not_uploaded(image_id: str, field: str) -> NotFound:
    """The picture that `field` asks for does not exist."""
    return NotFound(f"{field}: the image does not exist; upload it first", field=field, got=image_id)


async def load_image(context: JobContext, image_id: str, *, max_px: int, decoder: Decoder) -> Picture:
    """An uploaded picture, decoded off the loop. Raises NotFound, CorruptImage."""
    data = await context.store.image_bytes(image_id)
    if data is None:
        raise NotFound("an image of this job no longer exists", got=image_id)
    return await context.pools.offload(decoder, data, max_px=max_px)


async def load_request(context: JobContext, job: Job) -> Request:
    """What a job asks the engine for, with its pictures decoded. Raises NotFound, CorruptImage, and BadRequest naming a
    picture that would not be seen."""
    params = job.params
    decoder = decoder_for(params.transparency)
    content = await load_image(context, job.content, max_px=max(DECODE_PX, params.size), decoder=decoder)
    check_visible(content, "content")
    styles = []
    for index, (image_id, scale) in enumerate(zip(job.styles, params.scales_for(len(job.styles)), strict=True)):
        style = await load_image(context, image_id, max_px=style_px(params.size, scale), decoder=decoder)
        check_visible(style, f"styles.{index}")
        styles.append(style)
    return Request(content, tuple(styles), params, await load_masks(context, params))


async def load_masks(context: JobContext, params: StyleParams) -> tuple[Picture | None, ...]:
    """The grey images of `params.mask_ids`, decoded.

    Raises NotFound, CorruptImage, and BadRequest naming a mask that is entirely black.
    """
    masks: list[Picture | None] = []
    for field, image_id in params.mask_ids():
        mask = None
        if image_id is not None:
            mask = await load_image(context, image_id, max_px=max(DECODE_PX, params.size), decoder=decode_mask)
            check_mask(mask, f"params.{field}")
        masks.append(mask)
    return tuple(masks)


async def load_result(context: JobContext, job: Job) -> Picture:
    """An ended job's picture, or the one that a paused job stands at. Raises NotFound."""
    return await context.pools.offload(decode_with_alpha, await stored_result(context, job))


async def stored_result(context: JobContext, job: Job) -> bytes:
    """The PNG of what `load_result` decodes. Raises NotFound."""
    png = await context.store.result(job.id)
    if png is None:
        raise NotFound("the result of this job no longer exists", field="job")
    return png


def check_mask(mask: Picture, field: str) -> None:
    """Raises BadRequest when the mask leaves its style no area: such a style should be left out instead."""
    if mask.is_black and field != "params.protect":
        raise BadRequest(
            f"{field}: the mask is entirely black, so its style would appear nowhere",
            field=field,
            limit="partly grey or white, or null for the area that the other masks leave",
            got="black",
        )


def check_visible(picture: Picture, field: str) -> None:
    """Raises BadRequest when the picture is wholly transparent: a style of nothing, a content that shows nothing."""
    if picture.is_invisible:
        raise BadRequest(
            f"{field}: the picture is entirely transparent",
            field=field,
            limit="a picture that can be seen, or transparency flatten",
            got="transparent",
        )

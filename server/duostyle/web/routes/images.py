"""HTTP handlers for pictures: uploads, stored pictures and thumbnails, the gallery, previews."""

from __future__ import annotations

import dataclasses

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from duostyle.errors import BadRequest, DuostyleError, Forbidden, NotFound
from duostyle.imaging.decode import decode, decode_with_alpha
from duostyle.imaging.encode import Format, encode
from duostyle.job import hash_key, new_key
from duostyle.params import IMAGE_ID
from duostyle.web import forms
from duostyle.web.guard.access import offered_key
from duostyle.web.state import AppState

_MIN_THUMB_PX, _MAX_THUMB_PX = 16, 4096
# What cameras write: a PNG of it would be many times as large.
_PHOTOS = ("jpeg", "heic", "heif")
_IMMUTABLE = "private, max-age=31536000, immutable"


def routes() -> list[Route]:
    """The routes of this module."""
    return [
        Route("/api/images", upload, methods=["POST"]),
        Route("/api/images/{image}", picture, methods=["GET", "DELETE"]),
        Route("/api/gallery", gallery),
        Route("/api/preview", preview, methods=["POST"]),
    ]


async def upload(request: Request) -> Response:
    app_state: AppState = request.state.app_state
    try:
        data = await forms.picture(request, max_bytes=app_state.settings.max_upload_bytes)
        key = new_key()
        row, new = await app_state.take_in(data, key_hash=hash_key(key))
    except DuostyleError as error:
        app_state.metrics.uploads.labels(error.code).inc()
        raise
    app_state.metrics.uploads.labels("stored" if new else "known").inc()
    app_state.metrics.upload_bytes.inc(row.bytes)
    return JSONResponse(
        dataclasses.asdict(row) | {"key": key}, 201 if new else 200, {"Location": f"/api/images/{row.id}"}
    )


async def picture(request: Request) -> Response:
    """The picture, or DELETE: one route, so that the answer to a wrong method names both."""
    app_state: AppState = request.state.app_state
    image_id = request.path_params["image"]
    if request.method == "DELETE":
        return await _give_up(app_state, image_id, offered_key(request.headers))
    max_px = _size(request)
    row = await app_state.store.image(image_id) if IMAGE_ID.fullmatch(image_id) else None
    if row is None:
        raise NotFound("no such picture", field="image")
    headers = {"Cache-Control": _IMMUTABLE, "ETag": f'"{row.id[7:39]}-{max_px or "full"}"'}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    # a photo stays a JPEG; everything else keeps every pixel
    format: Format = "jpeg" if row.format in _PHOTOS or max_px else "png"

    async def make() -> bytes:
        data = await app_state.store.image_bytes(image_id)
        if data is None:
            raise NotFound("no such picture", field="image")
        return await app_state.pools.offload(_encoded_again, data, format, max_px)

    shown = await app_state.gallery.encoded(image_id, max_px, make)
    return Response(shown, media_type=f"image/{format}", headers=headers)


async def _give_up(app_state: AppState, image_id: str, key: str) -> Response:
    if await app_state.store.image(image_id) is None:
        raise NotFound("no such picture", field="image")
    in_use = app_state.jobs.registry.images_in_use
    if not await app_state.store.give_up_image(image_id, hash_key(key), in_use=in_use):
        text = "the key does not belong to this upload" if key else "the key of the upload is required"
        raise Forbidden(text, field="key")
    return Response(status_code=204)


def _encoded_again(data: bytes, format: Format, max_px: int | None) -> bytes:
    decoder = decode_with_alpha if format == "png" else decode
    return encode(decoder(data, max_px=max_px), format, quality=85 if max_px else 95)


def _size(request: Request) -> int | None:
    text = request.query_params.get("size")
    if text is None:
        return None
    allowed = f"{_MIN_THUMB_PX} to {_MAX_THUMB_PX}"
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise BadRequest("size must be a whole number of pixels", field="size", limit=allowed, got=text[:80])
    if not _MIN_THUMB_PX <= int(text) <= _MAX_THUMB_PX:
        raise BadRequest("size is out of range", field="size", limit=allowed, got=int(text))
    return int(text)


async def gallery(request: Request) -> Response:
    app_state: AppState = request.state.app_state
    return JSONResponse(app_state.gallery.listing)


async def preview(request: Request) -> Response:
    app_state: AppState = request.state.app_state
    kind = forms.content_type(request)
    if kind != "application/json":
        raise BadRequest(
            "send the preview's request as JSON", field="content-type", limit="application/json", got=kind[:80]
        )
    body = await forms.json_object(request, max_bytes=app_state.settings.max_message_bytes)
    fields = {name: body.get(name) for name in ("content", "styles", "params", "max_px")}
    image, _, _ = await app_state.jobs.previews.jpeg(**fields)
    return Response(image, media_type="image/jpeg", headers={"Cache-Control": "no-store"})

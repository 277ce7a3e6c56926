"""HTTP handlers for time-lapses: the list of frames, one frame, the animation."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from duostyle.errors import NotFound
from duostyle.imaging.animation import ANIMATION_FORMATS
from duostyle.web.state import AppState

_NUMBER = re.compile(r"[0-9]{1,9}")
_TYPES = {"webp": "image/webp", "mp4": "video/mp4"}
_FRESH = {"Cache-Control": "no-store"}
# a frame keeps its number for good, and no other frame gets it
_IMMUTABLE = {"Cache-Control": "private, max-age=31536000, immutable"}


def routes() -> list[Route]:
    """The routes of this module."""
    return [
        Route("/api/jobs/{job}/timelapse.json", contents),
        Route("/api/jobs/{job}/timelapse.{format}", animation),
        Route("/api/jobs/{job}/timelapse/{n}.jpg", frame),
    ]


async def contents(request: Request) -> Response:
    app_state: AppState = request.state.app_state
    job = request.path_params["job"]
    return JSONResponse(await app_state.jobs.timelapses.contents(job), headers=_FRESH)


async def animation(request: Request) -> Response:
    app_state: AppState = request.state.app_state
    job, asked = request.path_params["job"], request.path_params["format"]
    format = next((known for known in ANIMATION_FORMATS if known == asked), None)
    if format is None:
        raise NotFound("time-lapses are .webp, .mp4 or .json", limit=[*ANIMATION_FORMATS, "json"], got=asked[:80])
    data = await app_state.jobs.timelapses.animation(job, format)
    name = f'inline; filename="duostyle-{job[:8]}-timelapse.{format}"'
    return Response(data, media_type=_TYPES[format], headers={**_FRESH, "Content-Disposition": name})


async def frame(request: Request) -> Response:
    app_state: AppState = request.state.app_state
    job, number = request.path_params["job"], request.path_params["n"]
    if not _NUMBER.fullmatch(number):
        raise NotFound("frame numbers are whole numbers", field="n", got=number[:80])
    return Response(
        await app_state.jobs.timelapses.frame(job, int(number)), media_type="image/jpeg", headers=_IMMUTABLE
    )

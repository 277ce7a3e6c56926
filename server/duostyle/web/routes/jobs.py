"""HTTP handlers for jobs: submit, state, cancel, delete, result and current frame."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from duostyle.errors import BadRequest, ImageError, NotFound
from duostyle.imaging.encode import DEEP_FORMATS, Format
from duostyle.picture import MAX_DPI, MIN_DPI, USUAL_DPI, Depth
from duostyle.web import forms
from duostyle.web.guard.access import offered_key
from duostyle.web.state import AppState

_RESULTS: dict[str, Format] = {"png": "png", "jpg": "jpeg", "webp": "webp", "tiff": "tiff"}
# as asked for in the address, None where the format decides
_DEPTHS: dict[str, Depth | None] = {"": None, "8": 8, "16": 16}
_FRESH = {"Cache-Control": "no-store"}


def routes() -> list[Route]:
    """The routes of this module."""
    return [
        Route("/api/jobs", submit, methods=["POST"]),
        Route("/api/jobs/{job}", job, methods=["GET", "DELETE"]),
        Route("/api/jobs/{job}/cancel", cancel, methods=["POST"]),
        Route("/api/jobs/{job}/result.{format}", result),
        Route("/api/jobs/{job}/frame.jpg", frame),
    ]


async def submit(request: Request) -> Response:
    app_state: AppState = request.state.app_state
    max_bytes = app_state.settings.max_message_bytes
    kind = forms.content_type(request)
    if kind == "multipart/form-data":
        form = await forms.job_form(
            request, max_file_bytes=app_state.settings.max_upload_bytes, max_text_bytes=max_bytes
        )
        content: Any = await _take_in(app_state, form.content, "content")
        styles: Any = [await _take_in(app_state, data, f"style.{index}") for index, data in enumerate(form.styles)]
        params = form.params
    elif kind == "application/json":
        body = await forms.json_object(request, max_bytes=max_bytes)
        content, styles, params = body.get("content"), body.get("styles"), body.get("params")
    else:
        raise BadRequest(
            "send the job as a multipart form or as JSON",
            field="content-type",
            limit="multipart/form-data or application/json",
            got=kind[:80],
        )
    accepted = await app_state.jobs.commands.submit(
        content=content, styles=styles, params=params, client=str(request.state.client)
    )
    links = _links(accepted.job)
    answer = {
        "job": accepted.job,
        "key": accepted.key,
        "position": accepted.position,
        "eta_s": accepted.eta_s,
        "links": links,
    }
    return JSONResponse(answer, 202, {**_FRESH, "Location": links["state"]})


async def _take_in(app_state: AppState, data: bytes, field: str) -> str:
    try:
        row, _ = await app_state.take_in(data)
    except ImageError as error:
        error.field = field
        raise
    return row.id


def _links(job: str) -> dict[str, str]:
    """Relative to /api/jobs, since a proxy may have put a path in front of it."""
    return {
        "page": f"../?job={job}",
        "state": f"jobs/{job}",
        "cancel": f"jobs/{job}/cancel",
        "result": f"jobs/{job}/result.png",
        "frame": f"jobs/{job}/frame.jpg",
        "timelapse": f"jobs/{job}/timelapse.json",
    }


async def job(request: Request) -> Response:
    """The state, or DELETE: one route, so that the answer to a wrong method names both."""
    app_state: AppState = request.state.app_state
    job_id = request.path_params["job"]
    if request.method == "DELETE":
        await app_state.jobs.commands.delete(job_id, offered_key(request.headers))
        return Response(status_code=204)
    return JSONResponse(await app_state.jobs.queries.state(job_id), headers=_FRESH)


async def cancel(request: Request) -> Response:
    app_state: AppState = request.state.app_state
    job_id = request.path_params["job"]
    cancelled = await app_state.jobs.commands.cancel(job_id, offered_key(request.headers))
    return JSONResponse({"cancelled": cancelled, "state": await app_state.jobs.queries.state(job_id)}, headers=_FRESH)


async def result(request: Request) -> Response:
    app_state: AppState = request.state.app_state
    job_id, format = request.path_params["job"], request.path_params["format"]
    if format not in _RESULTS:
        raise NotFound("results are .png, .jpg, .webp or .tiff", limit=list(_RESULTS), got=format[:80])
    partial = _one_of(request, "partial", ("0", "1")) == "1"
    depth, dpi = _DEPTHS[_one_of(request, "depth", tuple(_DEPTHS))], _dpi(request)
    if depth == 16 and _RESULTS[format] not in DEEP_FORMATS:
        raise BadRequest(f"a {format} has 8 bits per channel", field="depth", limit="8, or result.png or .tiff", got=16)
    data = await app_state.jobs.queries.result(job_id, _RESULTS[format], partial=partial, depth=depth, dpi=dpi)
    headers = {**_FRESH, "Content-Disposition": f'inline; filename="duostyle-{job_id[:8]}.{format}"'}
    return Response(data, media_type=f"image/{_RESULTS[format]}", headers=headers)


def _one_of(request: Request, name: str, allowed: tuple[str, ...]) -> str:
    """A parameter of the address, the first that is allowed when it is not there."""
    text = request.query_params.get(name, allowed[0])
    if text not in allowed or (not text and name in request.query_params):
        limit = " or ".join(filter(None, allowed))
        raise BadRequest(f"{name} must be {limit}", field=name, limit=limit, got=text[:80])
    return text


def _dpi(request: Request) -> int:
    text = request.query_params.get("dpi", str(USUAL_DPI))
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and MIN_DPI <= int(text) <= MAX_DPI):
        limit = f"whole number from {MIN_DPI} to {MAX_DPI}"
        raise BadRequest("dpi is not allowed", field="dpi", limit=limit, got=text[:80])
    return int(text)


async def frame(request: Request) -> Response:
    app_state: AppState = request.state.app_state
    return Response(
        await app_state.jobs.queries.frame(request.path_params["job"]), media_type="image/jpeg", headers=_FRESH
    )

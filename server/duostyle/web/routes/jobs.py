"""HTTP handlers for jobs: submit, state, cancel, delete, result and current frame."""

from __future__ import annotations

from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from duostyle.errors import BadRequest, ImageError, NotFound
from duostyle.web import forms
from duostyle.web.guard.access import offered_key
from duostyle.web.state import AppState

_RESULTS: dict[str, Literal["png", "jpeg", "webp"]] = {"png": "png", "jpg": "jpeg", "webp": "webp"}
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
    await app_state.jobs.queries.recall(job_id)
    return JSONResponse(app_state.jobs.queries.state(job_id), headers=_FRESH)


async def cancel(request: Request) -> Response:
    app_state: AppState = request.state.app_state
    job_id = request.path_params["job"]
    cancelled = await app_state.jobs.commands.cancel(job_id, offered_key(request.headers))
    return JSONResponse({"cancelled": cancelled, "state": app_state.jobs.queries.state(job_id)}, headers=_FRESH)


async def result(request: Request) -> Response:
    app_state: AppState = request.state.app_state
    job_id, format = request.path_params["job"], request.path_params["format"]
    if format not in _RESULTS:
        raise NotFound("results are .png, .jpg or .webp", limit=list(_RESULTS), got=format[:80])
    partial = request.query_params.get("partial", "0")
    if partial not in ("0", "1"):
        raise BadRequest("partial must be 0 or 1", field="partial", limit="0 or 1", got=partial[:80])
    data = await app_state.jobs.queries.result(job_id, _RESULTS[format], partial=partial == "1")
    headers = {**_FRESH, "Content-Disposition": f'inline; filename="duostyle-{job_id[:8]}.{format}"'}
    return Response(data, media_type=f"image/{_RESULTS[format]}", headers=headers)


async def frame(request: Request) -> Response:
    app_state: AppState = request.state.app_state
    return Response(
        await app_state.jobs.queries.frame(request.path_params["job"]), media_type="image/jpeg", headers=_FRESH
    )

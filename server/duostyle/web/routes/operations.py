"""HTTP handlers for operators and programs: limits, health, metrics, status, the documents of the contract."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from duostyle import version
from duostyle.contract import asyncapi, openapi
from duostyle.contract.limits import limits
from duostyle.errors import EngineStalled, ShuttingDown, StorageUnavailable, WeightsError
from duostyle.job import JobStatus
from duostyle.metrics import CONTENT_TYPE
from duostyle.params import describe_params
from duostyle.web.state import AppState

_FRESH = {"Cache-Control": "no-store"}
_CHECKED = {"Cache-Control": "no-cache"}


def routes() -> list[Route]:
    """The routes of this module."""
    return [
        Route("/api/limits", show_limits),
        Route("/api/status", status),
        Route("/livez", livez),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
        Route("/openapi.json", show_openapi),
        Route("/asyncapi.json", show_asyncapi),
    ]


async def show_limits(request: Request) -> Response:
    app_state: AppState = request.state.app_state
    return JSONResponse(limits(app_state.settings) | {"params": describe_params()})


async def livez(request: Request) -> Response:
    return JSONResponse({"status": "alive"}, headers=_FRESH)


async def readyz(request: Request) -> Response:
    app_state: AppState = request.state.app_state
    if app_state.store.outage.lasts:
        raise StorageUnavailable(f"the data folder cannot be used: {app_state.store.outage.reason}")
    stalled_s = app_state.engine_thread.watchdog.stalled_s
    if stalled_s:
        raise EngineStalled(f"the engine has not completed an evaluation for {stalled_s:.0f} s")
    if app_state.jobs.ready:
        return JSONResponse({"status": "ready", "device": app_state.engine_thread.device}, headers=_FRESH)
    app_state.engine_thread.check_loadable()
    if not app_state.engine_thread.loaded and app_state.engine_thread.alive:
        raise WeightsError("the model is still loading")
    raise ShuttingDown("the server is shutting down")


async def metrics(request: Request) -> Response:
    app_state: AppState = request.state.app_state
    return Response(app_state.metrics.text(), headers={**_FRESH, "Content-Type": CONTENT_TYPE})


async def status(request: Request) -> Response:
    """What the server is doing, in numbers: no ids, no keys, no names.

    `measured` are the steps whose time was taken and the sum of their seconds: quick steps are not measured one by one.
    Counts of ended jobs and of evaluations are those of this process.
    """
    app_state: AppState = request.state.app_state
    count = app_state.metrics.value
    numbers = {
        "server": version(),
        "device": app_state.engine_thread.device,
        "precision": app_state.engine_thread.precision,
        "ready": app_state.jobs.ready,
        "jobs": {
            "waiting": int(count("duostyle_jobs_waiting")),
            "running": int(count("duostyle_jobs_running")),
            "paused": int(count("duostyle_jobs_paused")),
            "max_queue": app_state.settings.max_queue,
        },
        "ended": {
            end.value: int(count("duostyle_jobs_ended_total", status=end.value)) for end in JobStatus if end.ended
        },
        "evaluations": int(count("duostyle_evaluations_total")),
        "measured": {
            "steps": int(count("duostyle_evaluation_seconds_count")),
            "seconds": round(count("duostyle_evaluation_seconds_sum"), 4),
        },
        "watchers": int(count("duostyle_watchers")),
        "sockets": int(count("duostyle_sockets")),
    }
    return JSONResponse(numbers, headers=_FRESH)


async def show_openapi(request: Request) -> Response:
    return JSONResponse(openapi.document(version=version()), headers=_CHECKED)


async def show_asyncapi(request: Request) -> Response:
    secure = request.url.scheme == "https"
    document = asyncapi.document(version=version(), host=request.url.netloc, secure=secure)
    return JSONResponse(document, headers=_CHECKED)

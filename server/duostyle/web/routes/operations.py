"""HTTP handler for the operator's corner: what the server does at the moment, in numbers; no ids, no keys, no names."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from duostyle.job import JobStatus
from duostyle.version import version
from duostyle.web.state import House


def routes() -> list[Route]:
    """The routes of this module."""
    return [Route("/api/status", status)]


async def status(request: Request) -> Response:
    """GET /api/status: see `condition`."""
    return JSONResponse(condition(request.state.house), headers={"Cache-Control": "no-store"})


def condition(house: House) -> dict[str, Any]:
    """Version, device, readiness; jobs by what they do and how they ended; evaluations; watchers.

    `measured` are the steps whose time was taken, and their seconds in all: quick steps are not measured one by one.
    Counts of ended jobs and of evaluations are those of this process.
    """
    count = house.metrics.value
    return {
        "server": version(),
        "device": house.worker.device,
        "ready": house.scheduler.ready,
        "jobs": {
            "waiting": int(count("duostyle_jobs_waiting")),
            "running": int(count("duostyle_jobs_running")),
            "paused": int(count("duostyle_jobs_paused")),
            "max_queue": house.settings.max_queue,
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

"""What the lines of the log are about: the request and the job that a part of the program works on.

Whatever is logged meanwhile carries them as fields, also what libraries log, and on the engine thread.
"""

from __future__ import annotations

import secrets
from contextlib import AbstractContextManager, nullcontext

from structlog.contextvars import bound_contextvars

# Whoever has the whole id of a job may watch it; the names of downloaded pictures have as much of it.
_SHOWN = 8


def about_request(request: str) -> AbstractContextManager[None]:
    """Lines logged within carry the field `request`."""
    return bound_contextvars(request=request)


def about_job(job_id: str) -> AbstractContextManager[None]:
    """Lines logged within carry the field `job`, the beginning of the job's id; none for an empty id."""
    return bound_contextvars(job=job_id[:_SHOWN]) if job_id else nullcontext()


def new_request() -> str:
    """An id for one request or one WebSocket."""
    return secrets.token_hex(6)

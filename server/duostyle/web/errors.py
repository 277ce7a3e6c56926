"""Errors as HTTP answers: ours, and what the framework itself refuses."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from duostyle.errors import (
    BadRequest,
    DuostyleError,
    Forbidden,
    InternalError,
    MethodNotAllowed,
    NotFound,
    RequestError,
    Unauthorized,
)
from duostyle.protocol import status_codes

_KINDS: dict[int, type[RequestError]] = {401: Unauthorized, 403: Forbidden, 404: NotFound, 405: MethodNotAllowed}
_MESSAGES = {404: "nothing was found at this address", 405: "method not allowed"}


def respond(error: DuostyleError) -> Response:
    """The answer that a client gets for `error`."""
    status, headers, body = status_codes.answer(error)
    return Response(body, status, headers)


async def handle_duostyle_error(request: Request, error: Exception) -> Response:
    """Starlette's handler for DuostyleError; counts the limit that was reached."""
    ours = error if isinstance(error, DuostyleError) else InternalError("internal error")
    request.state.app_state.metrics.count_limit(ours.reached)
    return respond(ours)


async def handle_http_exception(request: Request, error: Exception) -> Response:
    """Starlette's handler for its own HTTPException, whose headers (`Allow`) are kept."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    response = respond(_KINDS.get(status, BadRequest)(_MESSAGES.get(status, "the request could not be read")))
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response

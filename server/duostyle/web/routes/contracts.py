"""HTTP handlers for the contract in the forms that programs read: /openapi.json and /asyncapi.json."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from duostyle.contract import asyncapi, openapi
from duostyle.version import version

_CHECKED = {"Cache-Control": "no-cache"}


def routes() -> list[Route]:
    """The routes of this module."""
    return [Route("/openapi.json", show_openapi), Route("/asyncapi.json", show_asyncapi)]


async def show_openapi(request: Request) -> Response:
    return JSONResponse(openapi.document(version=version()), headers=_CHECKED)


async def show_asyncapi(request: Request) -> Response:
    secure = request.url.scheme == "https"
    document = asyncapi.document(version=version(), host=request.url.netloc, secure=secure)
    return JSONResponse(document, headers=_CHECKED)

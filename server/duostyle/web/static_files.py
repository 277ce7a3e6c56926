"""The page's own files, with the types that browsers insist on and an ETag that changes with them."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

# The system's own table differs from machine to machine, and a browser refuses a module of the wrong type.
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}


def folder() -> Path:
    """Where the files are: inside the installed package, or beside it in a checkout."""
    package = Path(str(resources.files("duostyle")))
    inside = package / "static"
    return inside if inside.is_dir() else package.parent.parent / "static"


class Files(StaticFiles):
    """An ASGI app that serves a folder; `page` is its index.html, `status` its status.html."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory)

    async def page(self, request: Request) -> Response:
        return await self.get_response("index.html", request.scope)

    async def status(self, request: Request) -> Response:
        return await self.get_response("status.html", request.scope)

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        kind = _TYPES.get(Path(full_path).suffix)
        if kind is not None and "content-type" in response.headers:
            response.headers["Content-Type"] = kind
        # the ETag makes asking again cheap; a stale module beside a new one would break the page
        response.headers["Cache-Control"] = "no-cache"
        return response

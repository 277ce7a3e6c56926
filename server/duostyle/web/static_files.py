"""The page's own files: joined into few, kept in memory and cached forever; and each as it stands in its folder.

A page is served with the addresses of the joined files in it, which lie below `/static/HASH/`: the hash is that of
their contents, so an address never changes its meaning. An edited file shows at the next reload. Below `/static/` are
the files as they were written, which the source maps point to.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import os
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from duostyle.web.bundle import BundleError, join_modules, join_sheets

_log = logging.getLogger(__name__)
# The system's own table differs from machine to machine, and a browser refuses a module of the wrong type.
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".map": "application/json",
}
# the ETag makes asking again cheap; a stale module beside a new one would break the page
_CHECKED = "no-cache"
_FOR_EVER = "public, max-age=31536000, immutable"
_HASH = re.compile(r"[0-9a-f]{16}")
_SHEET = re.compile(r' *<link rel="stylesheet" href="static/([^"]+)">\n')
_SCRIPT = re.compile(r'<script type="module" src="static/([^"]+)"')
_LINK = re.compile(r'\b(?:src|href)="static/([^"]+)"')


def folder() -> Path:
    """Where the files are: inside the installed package, or beside it in a checkout."""
    package = Path(str(resources.files("duostyle")))
    inside = package / "static"
    return inside if inside.is_dir() else package.parent.parent / "static"


class Served:
    """A file in memory, with its compressed twin where that is smaller."""

    def __init__(self, name: str, data: bytes, cache: str) -> None:
        self.data = data
        self._headers = {
            "Content-Type": _TYPES.get(Path(name).suffix, "application/octet-stream"),
            "Cache-Control": cache,
            "ETag": f'"{hashlib.sha256(data).hexdigest()[:32]}"',
            "Vary": "Accept-Encoding",
        }
        squeezed = gzip.compress(data, mtime=0)
        self._gzip = squeezed if len(squeezed) < len(data) else None

    def response(self, request: Headers) -> Response:
        """The answer to a request with these headers."""
        if self._headers["ETag"] in request.get("if-none-match", ""):
            return NotModifiedResponse(Headers(self._headers))
        if self._gzip is not None and "gzip" in request.get("accept-encoding", ""):
            return Response(self._gzip, headers={**self._headers, "Content-Encoding": "gzip"})
        return Response(self.data, headers=self._headers)


@dataclass(frozen=True, slots=True)
class Release:
    """The pages by name, and the files that they need by path; `stamp` says of which state of the folder."""

    pages: dict[str, Served]
    files: dict[str, Served]
    stamp: tuple[tuple[str, int, int], ...]

    @classmethod
    def of(cls, directory: Path) -> Release:
        """Read and join the files of a folder. What cannot be joined is served as it is."""
        paths = [path for path in sorted(directory.rglob("*")) if path.is_file()]
        stamp = _stamp([str(path) for path in paths])
        data = {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths}
        pages = {name: content.decode() for name, content in data.items() if name.endswith(".html")}
        try:
            joined = _joined(pages, data)
        except BundleError as error:
            _log.warning("the page is served as many files", extra={"reason": str(error)})
            return cls({name: Served(name, text.encode(), _CHECKED) for name, text in pages.items()}, {}, stamp)
        digest = hashlib.sha256()
        for name, content in sorted(joined.items()):
            digest.update(f"{name} {len(content)}\n".encode() + content)
        prefix = digest.hexdigest()[:16]
        return cls(
            {
                name: Served(name, _with_addresses(name, text, prefix, joined).encode(), _CHECKED)
                for name, text in pages.items()
            },
            {f"{prefix}/{name}": Served(name, content, _FOR_EVER) for name, content in joined.items()},
            stamp,
        )

    @property
    def outdated(self) -> bool:
        """Whether a file was changed since."""
        return _stamp([path for path, _, _ in self.stamp]) != self.stamp


class Files(StaticFiles):
    """An ASGI app that serves a folder and its release; `page` is its index.html, `status` its status.html."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory)
        self._directory = directory
        self._release: Release | None = None

    async def page(self, request: Request) -> Response:
        return self._page("index.html", request)

    async def status(self, request: Request) -> Response:
        return self._page("status.html", request)

    async def get_response(self, path: str, scope: Scope) -> Response:
        # only an address that may be one of a release costs making one
        name = Path(path).as_posix()
        if _HASH.fullmatch(name.partition("/")[0]) and scope["method"] in ("GET", "HEAD"):
            served = self._current().files.get(name)
            if served is not None:
                return served.response(Headers(scope=scope))
        return await super().get_response(path, scope)

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        kind = _TYPES.get(Path(full_path).suffix)
        if kind is not None and "content-type" in response.headers:
            response.headers["Content-Type"] = kind
        response.headers["Cache-Control"] = _CHECKED
        return response

    def _page(self, name: str, request: Request) -> Response:
        if self._release is not None and self._release.outdated:
            self._release = None
        return self._current().pages[name].response(request.headers)

    def _current(self) -> Release:
        if self._release is None:
            self._release = Release.of(self._directory)
        return self._release


def _stamp(paths: list[str]) -> tuple[tuple[str, int, int], ...]:
    """Size and time of each file; those of a file that is gone are zero."""

    def facts(path: str) -> tuple[str, int, int]:
        try:
            found = os.stat(path)
        except OSError:
            return path, 0, 0
        return path, found.st_mtime_ns, found.st_size

    return tuple(facts(path) for path in paths)


def _joined(pages: dict[str, str], data: dict[str, bytes]) -> dict[str, bytes]:
    """What the pages need, by path: each script with all that it imports, one sheet a page. Raises BundleError."""
    texts = {name: content.decode() for name, content in data.items() if name.endswith((".js", ".css"))}
    scripts = {name for text in pages.values() for name in _SCRIPT.findall(text)}
    made = {name: (join_modules(name, texts, apart=scripts - {name}), "//# sourceMappingURL={}") for name in scripts}
    joined: dict[str, bytes] = {}
    for page, text in pages.items():
        sheets = _SHEET.findall(text)
        made[_sheet_of(page)] = (join_sheets(sheets, texts), "/*# sourceMappingURL={} */")
        others = {*_LINK.findall(text)} - {*sheets} - scripts
        joined |= {name: data[name] for name in others if name in data}
    for name, (file, comment) in made.items():
        map_name = f"{name}.map"
        file.add(comment.format(map_name.rpartition("/")[2]))
        up = "../" * (name.count("/") + 1)
        joined |= {name: file.text.encode(), map_name: file.source_map(up).encode()}
    return joined


def _with_addresses(page: str, text: str, prefix: str, joined: dict[str, bytes]) -> str:
    """The page with the addresses of what was joined; one sheet stands where the first of many stood."""
    sheet = iter([f'  <link rel="stylesheet" href="static/{_sheet_of(page)}">\n'])
    text = _SHEET.sub(lambda found: next(sheet, ""), text)

    def address(found: re.Match[str]) -> str:
        return found[0].replace("static/", f"static/{prefix}/") if found[1] in joined else found[0]

    return _LINK.sub(address, text)


def _sheet_of(page: str) -> str:
    return f"css/{page.removesuffix('.html')}.css"

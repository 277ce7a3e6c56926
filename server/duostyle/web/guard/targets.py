"""Targets of requests in absolute form (`GET http://host/path`), which a server must take (RFC 9112, section 3.2.2)."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from starlette.types import Scope

_SCHEMES = (b"http://", b"https://", b"ws://", b"wss://")


def in_origin_form(scope: Scope) -> Scope:
    """The scope with a target that is a path; of an absolute one the host counts, and not the Host header."""
    target: bytes = scope.get("raw_path") or b""
    if not target.lower().startswith(_SCHEMES):
        return scope
    try:
        parts = urlsplit(target.decode("ascii"))
    except ValueError:
        return scope
    path = parts.path or "/"
    host = parts.netloc.rpartition("@")[2].encode()
    headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
    return {**scope, "path": unquote(path), "raw_path": path.encode(), "headers": [(b"host", host), *headers]}

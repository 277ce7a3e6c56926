"""The headers that every HTTP answer carries, whoever made it: what browsers may do with it, and who may read it."""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import MutableHeaders

from duostyle.web.guard import access

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # An address may carry the token or a job's id.
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def add_headers(headers: MutableHeaders, *, host: str, origin: str, strange: bool, allowed: Collection[str]) -> None:
    """Add them to an answer to a request with this `Host` and `Origin`.

    `allowed` are the origins of other sites that may use the server; `strange` says that this one is another site's.
    """
    for name, value in _ALWAYS.items():
        headers[name] = value
    headers["Content-Security-Policy"] = _policy(host)
    headers["Cross-Origin-Resource-Policy"] = "cross-origin" if allowed else "same-origin"
    if not allowed:
        return
    headers.add_vary_header("Origin")
    if strange and origin in allowed:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Allow-Methods"] = "GET, HEAD, POST, DELETE"
        headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        headers["Access-Control-Max-Age"] = "600"


def _policy(host: str) -> str:
    # Not every browser takes 'self' to mean this host's WebSocket too. A Host that did not pass is not repeated.
    sockets = f" ws://{host} wss://{host}" if access.split_host(host) is not None else ""
    return (
        f"default-src 'self'; img-src 'self' blob: data:; connect-src 'self'{sockets}; object-src 'none'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )

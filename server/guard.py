"""The gate in front of everything, HTTP and WebSocket alike: Host, Origin, token, rate, connections, body size.

Plain ASGI, because ready-made middleware looks at HTTP only. A WebSocket is refused before it is accepted, as an HTTP
answer that says why. Nothing that a stranger's web page can send passes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from server import access, statuses
from server.errors import (
    BadRequest,
    DuostyleError,
    Forbidden,
    ImageTooLarge,
    InternalError,
    QueueFull,
    TooManyRequests,
    Unauthorized,
)
from server.metrics import Metrics
from server.params import MAX_STYLES
from server.settings import Settings

_log = logging.getLogger(__name__)
# Multipart has a little more than the files: boundaries, headers, the parameters.
_FORM_SLACK_BYTES = 2**20
_OPEN_PATHS = ("/", "/livez", "/readyz")
_OPEN_PREFIX = "/static/"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # An address may carry the token or a job's id.
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(slots=True)
class _Body:
    """One request's body, in bytes: at most `limit`; `taken` of the common room, `got` so far."""

    limit: int
    taken: int
    got: int = 0
    complete: bool = False


class Guard:
    """Middleware around the whole app. `clock` counts seconds."""

    def __init__(
        self, app: ASGIApp, *, settings: Settings, metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._rate = access.RateLimit(settings.max_requests_per_s, clock)
        self._seats = access.Seats(settings.max_sockets, settings.max_sockets_per_client)
        self._room = access.Room(settings.max_inflight_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        client = access.client_of(scope["client"][0] if scope.get("client") else None)
        try:
            self._check(scope, client)
        except DuostyleError as error:
            self._metrics.refused.labels(error.code).inc()
            await self._refuse(error, scope, receive, send)
            return
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await self._websocket(scope, receive, send, client)

    def _check(self, scope: Scope, client: str) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        listening = {self._settings.host, (scope.get("server") or ("", 0))[0]} - {"", "0.0.0.0", "::"}  # noqa: S104
        if not access.host_allowed(host, listening=listening, allowed=self._settings.allowed_hosts):
            raise Forbidden("this server does not answer to that host name (see allowed_hosts)", field="host")
        wait_s = self._rate.take(client)
        if wait_s > 0:
            raise TooManyRequests("too many requests", limit=self._settings.max_requests_per_s)
        origin = headers.get("origin")
        if origin is not None and not self._origin_allowed(origin, host):
            raise Forbidden("pages of that origin may not use this server (see allowed_origins)", field="origin")
        if self._settings.token is not None and not _open(scope):
            self._check_token(self._settings.token, scope, headers)

    def _origin_allowed(self, origin: str, host: str) -> bool:
        if origin == "null":
            return False
        return access.same_origin(origin, host) or origin in self._settings.allowed_origins

    def _check_token(self, token: str, scope: Scope, headers: Headers) -> None:
        offered = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [])
        kind, _, value = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            offered.append(value.strip())
        if not access.token_matches(token, offered):
            raise Unauthorized("this server needs its token: Authorization: Bearer TOKEN, or ?token=TOKEN")

    async def _refuse(self, error: DuostyleError, scope: Scope, receive: Receive, send: Send) -> None:
        status, headers, body = statuses.answer(error)
        response = Response(body, status, headers)
        if scope["type"] == "http":
            await response(scope, receive, self._dressed(scope, send, self._clock()))
        elif "websocket.http.response" in scope.get("extensions", {}):
            await WebSocket(scope, receive, send).send_denial_response(response)
        else:
            await send({"type": "websocket.close", "code": statuses.outcome(error).close, "reason": error.code})

    async def _websocket(self, scope: Scope, receive: Receive, send: Send, client: str) -> None:
        if not self._seats.take(client):
            error = TooManyRequests("too many open WebSockets", limit=self._settings.max_sockets_per_client)
            self._metrics.refused.labels(error.code).inc()
            await self._refuse(error, scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._seats.give_back(client)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        dressed = self._dressed(scope, send, self._clock())
        headers = Headers(scope=scope)
        if scope["method"] == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers:
            await Response(status_code=204)(scope, receive, dressed)
            return
        limit = self._body_limit(scope["path"])
        declared = headers.get("content-length", "")
        size = int(declared[:20]) if declared.isascii() and declared.isdigit() else 0
        if size > limit:
            await self._refuse(_too_large(limit), scope, receive, send)
            return
        # Room for the whole body, before a byte of it is read; it is in memory until the answer is out.
        if not self._room.take(size):
            error = self._no_room()
            self._metrics.refused.labels(error.code).inc()
            await self._refuse(error, scope, receive, send)
            return
        body = _Body(limit, size)
        try:
            await self._answer(scope, self._metered(receive, body), dressed)
        finally:
            self._room.give_back(body.taken)

    async def _answer(self, scope: Scope, receive: Receive, dressed: Send) -> None:
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await dressed(message)

        try:
            await self._app(scope, receive, noting)
        except Exception:
            if started:
                raise
            # A bug: all about it goes into the log, nothing to the client.
            _log.exception("a request failed")
            status, fields, body = statuses.answer(InternalError("something went wrong; the server's log says what"))
            await Response(body, status, fields)(scope, receive, dressed)

    def _body_limit(self, path: str) -> int:
        files = 1 + MAX_STYLES if path == "/api/jobs" else 1
        limit = files * self._settings.max_upload_bytes + _FORM_SLACK_BYTES
        # what has never room is too large, not too early
        return min(limit, self._settings.max_inflight_bytes)

    def _no_room(self) -> QueueFull:
        return QueueFull("too many uploads at once", limit=self._settings.max_inflight_bytes)

    def _metered(self, receive: Receive, body: _Body) -> Receive:
        async def metered() -> Message:
            if body.complete:
                # What is awaited now is the client's leaving, which may take as long as it likes.
                return await receive()
            try:
                async with asyncio.timeout(self._settings.send_timeout_s):
                    message = await receive()
            except TimeoutError:
                raise BadRequest("the body did not arrive in time", limit=self._settings.send_timeout_s) from None
            body.got += len(message.get("body", b""))
            body.complete = not message.get("more_body", False)
            if body.got > body.limit:
                raise _too_large(body.limit)
            more = body.got - body.taken
            # a body whose length was not declared takes its room as it comes
            if more > 0:
                if not self._room.take(more):
                    raise self._no_room()
                body.taken += more
            return message

        return metered

    def _dressed(self, scope: Scope, send: Send, began: float) -> Send:
        request = Headers(scope=scope)
        origin, host = request.get("origin", ""), request.get("host", "")

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers["Content-Security-Policy"] = _policy(host)
                self._allow_origin(headers, origin, host)
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._metrics.requests.labels(method, str(message["status"])).inc()
            elif message["type"] == "http.response.body" and not message.get("more_body", False):
                self._metrics.request_s.observe(self._clock() - began)
            await send(message)

        return dressed

    def _allow_origin(self, headers: MutableHeaders, origin: str, host: str) -> None:
        shared = bool(self._settings.allowed_origins)
        headers["Cross-Origin-Resource-Policy"] = "cross-origin" if shared else "same-origin"
        if not shared:
            return
        headers.add_vary_header("Origin")
        if origin in self._settings.allowed_origins and not access.same_origin(origin, host):
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Allow-Methods"] = "GET, HEAD, POST, DELETE"
            headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
            headers["Access-Control-Max-Age"] = "600"


def _open(scope: Scope) -> bool:
    """The page's own files hold no secret, and a browser cannot add a token to them; probes have none."""
    path = scope["path"]
    return scope["type"] == "http" and (path in _OPEN_PATHS or path.startswith(_OPEN_PREFIX))


def _policy(host: str) -> str:
    # Not every browser takes 'self' to mean this host's WebSocket too. A Host that did not pass is not repeated.
    sockets = f" ws://{host} wss://{host}" if access.split_host(host) is not None else ""
    return (
        f"default-src 'self'; img-src 'self' blob: data:; connect-src 'self'{sockets}; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )


def _too_large(limit: int) -> ImageTooLarge:
    return ImageTooLarge(f"the body has more than {limit} bytes", limit=limit)

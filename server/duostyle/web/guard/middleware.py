"""The gate in front of everything, HTTP and WebSocket alike: Host, Origin, token, rate, connections, bodies.

Plain ASGI, because ready-made middleware looks at HTTP only. A WebSocket is refused before it is accepted, as an HTTP
answer that says why. Nothing that a stranger's web page can send passes. Behind it, `state.client` of a request says
who counts as one client.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from duostyle.errors import DuostyleError, Forbidden, InternalError, QueueFull, TooManyRequests, Unauthorized
from duostyle.metrics import Metrics
from duostyle.protocol import status_codes as statuses
from duostyle.settings import Settings
from duostyle.web.guard import access
from duostyle.web.guard.body_limits import Uploads
from duostyle.web.guard.headers import add_headers

_log = logging.getLogger(__name__)
_OPEN_PATHS = ("/", "/status", "/livez", "/readyz")
_OPEN_PREFIX = "/static/"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


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
        self._uploads = Uploads(settings, metrics, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            client = self._admit(scope, headers)
        except DuostyleError as error:
            await self._refuse(error, scope, receive, send)
            return
        scope.setdefault("state", {})["client"] = client
        serve = self._http if scope["type"] == "http" else self._websocket
        await serve(scope, receive, send, client)

    def _admit(self, scope: Scope, headers: Headers) -> str:
        """Who asks, as the limits count clients. Raises Forbidden, TooManyRequests, Unauthorized."""
        host = headers.get("host", "")
        listening = {self._settings.host, (scope.get("server") or ("", 0))[0]} - {"", "0.0.0.0", "::"}  # noqa: S104
        if not access.host_allowed(host, listening=listening, allowed=self._settings.allowed_hosts):
            raise Forbidden("this server does not answer to that host name (see allowed_hosts)", field="host")
        token = access.token_among(self._settings.tokens, _offered(scope, headers))
        address = scope["client"][0] if scope.get("client") else None
        # who guesses tokens is still counted by the address
        client = access.client_of(address) if token is None else access.client_of_token(token)
        if self._rate.take(client) > 0:
            limit = self._settings.max_requests_per_s
            raise TooManyRequests("too many requests", limit=limit, reached="max_requests_per_s")
        origin = headers.get("origin")
        if origin is not None and not self._origin_allowed(origin, scope, host):
            raise Forbidden(
                "pages of that origin may not use this server (see allowed_origins and trusted_proxy)", field="origin"
            )
        if token is None and self._settings.tokens and not _open(scope):
            raise Unauthorized("this server needs its token: Authorization: Bearer TOKEN, or ?token=TOKEN")
        return client

    def _origin_allowed(self, origin: str, scope: Scope, host: str) -> bool:
        if origin == "null":
            return False
        return access.same_origin(origin, _scheme(scope), host) or origin in self._settings.allowed_origins

    async def _refuse(self, error: DuostyleError, scope: Scope, receive: Receive, send: Send) -> None:
        self._metrics.refused.labels(error.code).inc()
        self._metrics.count_limit(error.reached)
        status, headers, body = statuses.answer(error)
        response = Response(body, status, headers)
        if scope["type"] == "http":
            await response(scope, receive, self._dressed(scope, send))
        elif "websocket.http.response" in scope.get("extensions", {}):
            await WebSocket(scope, receive, send).send_denial_response(response)
        else:
            await send({"type": "websocket.close", "code": statuses.wire_status(error).close, "reason": error.code})

    async def _websocket(self, scope: Scope, receive: Receive, send: Send, client: str) -> None:
        settings = self._settings
        full = self._seats.take(client)
        if full == "all":
            nobody = QueueFull("too many open WebSockets", limit=settings.max_sockets, reached="max_sockets")
            await self._refuse(nobody, scope, receive, send)
            return
        if full == "client":
            limit, name = settings.max_sockets_per_client, "max_sockets_per_client"
            not_you = TooManyRequests("too many open WebSockets of this client", limit=limit, reached=name)
            await self._refuse(not_you, scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._seats.give_back(client)

    async def _http(self, scope: Scope, receive: Receive, send: Send, client: str) -> None:
        dressed = self._dressed(scope, send)
        headers = Headers(scope=scope)
        if scope["method"] == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers:
            await Response(status_code=204)(scope, receive, dressed)
            return
        with contextlib.ExitStack() as stack:
            try:
                metered = stack.enter_context(self._uploads.receiving(client, scope, receive))
            except DuostyleError as error:
                await self._refuse(error, scope, receive, send)
                return
            await self._answer(scope, metered, dressed)

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

    def _dressed(self, scope: Scope, send: Send) -> Send:
        began = self._clock()
        request = Headers(scope=scope)
        origin, host = request.get("origin", ""), request.get("host", "")
        strange = not access.same_origin(origin, _scheme(scope), host)

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                add_headers(
                    MutableHeaders(scope=message),
                    host=host,
                    origin=origin,
                    strange=strange,
                    allowed=self._settings.allowed_origins,
                )
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._metrics.requests.labels(method, str(message["status"])).inc()
            elif message["type"] == "http.response.body" and not message.get("more_body", False):
                self._metrics.request_s.observe(self._clock() - began)
            await send(message)

        return dressed


def _offered(scope: Scope, headers: Headers) -> list[str]:
    """Every token that the request shows."""
    offered = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [])
    kind, _, value = headers.get("authorization", "").partition(" ")
    return [*offered, value.strip()] if kind.lower() == "bearer" else offered


def _open(scope: Scope) -> bool:
    """The page's own files hold no secret, and a browser cannot add a token to them; probes have none."""
    path = scope["path"]
    return scope["type"] == "http" and (path in _OPEN_PATHS or path.startswith(_OPEN_PREFIX))


def _scheme(scope: Scope) -> str:
    """Of the page that a request to this scope would come from."""
    scheme = str(scope.get("scheme", "http"))
    return {"ws": "http", "wss": "https"}.get(scheme, scheme)

"""The guard in front of everything, HTTP and WebSocket alike: Host, Origin, token, rate, connections, bodies.

Plain ASGI, because ready-made middleware looks at HTTP only. A WebSocket is refused before it is accepted, as an HTTP
answer that says why. Nothing that a stranger's web page can send passes. Behind it, `state.client` of a request says
who counts as one client.
"""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Callable
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from duostyle.errors import DuostyleError, Forbidden, InternalError, TooManyRequests, Unauthorized
from duostyle.job import JOB_ID
from duostyle.logs import about_job, about_request, new_request
from duostyle.metrics import Metrics
from duostyle.protocol import status_codes
from duostyle.settings import Settings
from duostyle.web.errors import respond
from duostyle.web.guard import access
from duostyle.web.guard.body_limits import BodyLimits
from duostyle.web.guard.quotas import RateLimit, Seats
from duostyle.web.guard.targets import in_origin_form

_log = logging.getLogger(__name__)
_OPEN_PATHS = ("/", "/status", "/livez", "/readyz")
_OPEN_PREFIX = "/static/"
_OF_A_JOB = re.compile(rf"/api/jobs/({JOB_ID.pattern})(?![^/])")
_LOGGED = 80
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # an address may contain the token or a job's id
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Guard:
    """Middleware around the whole app. `clock` counts seconds."""

    def __init__(
        self, app: ASGIApp, *, settings: Settings, metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._settings, self._metrics, self._clock = settings, metrics, clock
        self._rate = RateLimit(settings.max_requests_per_s, clock)
        self._seats = Seats("open WebSockets", "max_sockets", settings.max_sockets, settings.max_sockets_per_client)
        self._bodies = BodyLimits(settings, metrics, clock)
        self._explained: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        scope = in_origin_form(scope)
        request = new_request()
        if scope["type"] == "http":
            send = self._with_headers(scope, send, request)
        with contextlib.ExitStack() as taken:
            taken.enter_context(about_request(request))
            taken.enter_context(about_job(_job_in(scope["path"])))
            try:
                client = self._admit(scope, Headers(scope=scope))
                if scope["type"] == "websocket":
                    taken.enter_context(self._seats.taken(client))
                else:
                    receive = taken.enter_context(self._bodies.receiving(client, scope, receive))
            except DuostyleError as error:
                await self._refuse(error, scope, receive, send, request)
                return
            scope.setdefault("state", {})["client"] = client
            serve = self._app if scope["type"] == "websocket" else self._answer
            await serve(scope, receive, send)

    def _admit(self, scope: Scope, headers: Headers) -> str:
        """Who asks, as the limits count clients. Raises Forbidden, TooManyRequests, Unauthorized."""
        address = scope["client"][0] if scope.get("client") else None
        if _open(scope):
            return access.client_of(address)
        host = headers.get("host", "")
        listening = {self._settings.host, (scope.get("server") or ("", 0))[0]} - {"", "0.0.0.0", "::"}  # noqa: S104
        if not access.host_allowed(host, listening=listening, allowed=self._settings.allowed_hosts):
            self._explain("a host was refused: if it is this server's name, add it to allowed_hosts", host=host)
            raise Forbidden("this host name is not allowed (see the setting allowed_hosts)", field="host")
        token = access.token_among(self._settings.tokens, _offered(scope, headers))
        # a client that guesses tokens is still counted by its address
        client = access.client_of(address) if token is None else access.client_of_token(token)
        if self._rate.take(client) > 0:
            limit = self._settings.max_requests_per_s
            raise TooManyRequests("too many requests", limit=limit, reached="max_requests_per_s")
        origin = headers.get("origin")
        if origin is not None and not self._origin_allowed(origin, scope, host):
            if access.same_origin(origin, "https", host):
                text = "an origin was refused: if the peer is a proxy that speaks TLS, name it in trusted_proxy"
                self._explain(text, origin=origin, peer=str(address))
            else:
                text = "an origin was refused: if its pages may use this server, add it to allowed_origins; "
                text += "a proxy must pass on the Host header with its port, and be named in trusted_proxy"
                self._explain(text, origin=origin, host=host)
            raise Forbidden(
                "pages from this origin may not use the server (see the settings allowed_origins and trusted_proxy)",
                field="origin",
            )
        if token is None and self._settings.tokens:
            raise Unauthorized("a token is required: Authorization: Bearer TOKEN, or ?token=TOKEN")
        return client

    def _origin_allowed(self, origin: str, scope: Scope, host: str) -> bool:
        if origin == "null":
            return False
        return access.same_origin(origin, _scheme(scope), host) or origin in self._settings.allowed_origins

    def _explain(self, text: str, **values: str) -> None:
        """Log once each kind of refusal that a setting could avoid, since strangers could fill the log."""
        if text not in self._explained:
            self._explained.add(text)
            _log.warning(text, extra={name: value[:_LOGGED] for name, value in values.items()})

    async def _refuse(self, error: DuostyleError, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        self._metrics.refused.labels(error.code).inc()
        self._metrics.count_limit(error.reached)
        if scope["type"] == "http":
            await respond(error)(scope, receive, send)
        elif "websocket.http.response" in scope.get("extensions", {}):
            response = respond(error)
            response.headers["X-Request-Id"] = request_id
            await WebSocket(scope, receive, send).send_denial_response(response)
        else:
            await send({"type": "websocket.close", "code": status_codes.wire_status(error).close, "reason": error.code})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if scope["method"] == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers:
            await Response(status_code=204)(scope, receive, send)
            return
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except ClientDisconnect:
            # nothing is wrong here, and nobody is left to answer
            _log.debug("a client has gone before its request was complete")
            return
        except Exception:
            if started:
                raise
            # a bug: all about it goes into the log, nothing to the client
            _log.exception("a request failed")
            await respond(InternalError("internal error; the server's log has the details"))(scope, receive, send)

    def _with_headers(self, scope: Scope, send: Send, request_id: str) -> Send:
        """`send` that adds the headers which every answer carries, and counts and logs the answer."""
        started_at = self._clock()
        request = Headers(scope=scope)
        origin, host = request.get("origin", ""), request.get("host", "")
        status = 0
        cross_origin = "" if access.same_origin(origin, _scheme(scope), host) else origin

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                _add_headers(answer, host, cross_origin, self._settings)
                answer["X-Request-Id"] = request_id
                status = message["status"]
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._metrics.requests.labels(method, str(message["status"])).inc()
            elif message["type"] == "http.response.body" and not message.get("more_body", False):
                taken_s = self._clock() - started_at
                self._metrics.request_s.observe(taken_s)
                facts = {"status": status, "method": scope["method"][:_LOGGED], "taken_s": round(taken_s, 4)}
                _log.debug("a request was answered", extra=facts | {"handler": _handler(scope)})
            await send(message)

        return sending


def _add_headers(headers: MutableHeaders, host: str, cross_origin: str, settings: Settings) -> None:
    """What browsers may do with an answer to a request with this `Host`, and who may read it.

    `cross_origin` is the Origin of the request when it is another site's, else empty.
    """
    allowed = settings.allowed_origins
    headers.update(_HEADERS)
    headers["Content-Security-Policy"] = _policy(host, settings.frame_ancestors)
    if not settings.frame_ancestors:
        headers["X-Frame-Options"] = "DENY"
    headers["Cross-Origin-Resource-Policy"] = "cross-origin" if allowed else "same-origin"
    if not allowed:
        return
    headers.add_vary_header("Origin")
    if cross_origin in allowed:
        headers["Access-Control-Allow-Origin"] = cross_origin
        headers["Access-Control-Allow-Methods"] = "GET, HEAD, POST, DELETE"
        headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, X-Duostyle-Key"
        headers["Access-Control-Max-Age"] = "600"


def _policy(host: str, ancestors: list[str]) -> str:
    # Not every browser takes 'self' to mean this host's WebSocket too. A Host that did not pass is not repeated.
    sockets = f" ws://{host} wss://{host}" if access.split_host(host) is not None else ""
    framing = " ".join("'self'" if name == "self" else name for name in ancestors) or "'none'"
    return (
        f"default-src 'self'; img-src 'self' blob: data:; connect-src 'self'{sockets}; object-src 'none'; "
        f"frame-ancestors {framing}; base-uri 'none'; form-action 'none'"
    )


def _offered(scope: Scope, headers: Headers) -> list[str]:
    """Every token that the request offers."""
    in_query = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [])
    return [*in_query, access.bearer(headers.get("authorization", ""))]


def _open(scope: Scope) -> bool:
    """Requests that no rule stops: the page's own files hold no secret, and must come to say what is wrong; probes have
    neither a token nor the right name."""
    path = scope["path"]
    return (
        scope["type"] == "http"
        and scope["method"] in ("GET", "HEAD")
        and (path in _OPEN_PATHS or path.startswith(_OPEN_PREFIX))
    )


def _job_in(path: str) -> str:
    """The id of the job that a request is about; empty when there is none."""
    found = _OF_A_JOB.match(path)
    return found[1] if found else ""


def _handler(scope: Scope) -> str:
    """What answered: the name of a handler, and no address, which may hold a secret."""
    return str(getattr(scope.get("endpoint"), "__name__", "none"))


def _scheme(scope: Scope) -> str:
    """The origin of the page that a request to this scope would come from."""
    scheme = str(scope.get("scheme", "http"))
    return {"ws": "http", "wss": "https"}.get(scheme, scheme)

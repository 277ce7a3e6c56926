"""HTTP as a client needs it: the server's address, requests that block, the server's errors as ours."""

from __future__ import annotations

import json
import re
import urllib.error
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, Request, build_opener

from duostyle.errors import BadRequest, DuostyleError, ServerError

UNEXPECTED = "unexpected reply; is this a duostyle server?"


class Unreachable(OSError):
    """The server does not answer, or not as a duostyle server does. Trying later may help."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is: `base` is `http://host:port` or `https://...`, with a path when a proxy adds one.

    `password` is `name:password` for a proxy that asks for it (Basic authentication); like `token`, it is never shown.
    """

    base: str
    token: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str, token: str | None = None) -> Address:
        """`url` may hold `name:password@`. Raises BadRequest when it is no address of a web server."""
        # all that may be a password, also one that is not encoded
        shown = re.sub(r"^(\w+://)?.*@", r"\1", url, flags=re.DOTALL)
        allowed = "http://HOST:PORT"
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            usable = (
                parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
            )
            if "@" in parts.path + parts.query + parts.fragment:
                usable, allowed = False, "http://NAME:PASSWORD@HOST:PORT, with %2F for / in the password, %40 for @"
        except ValueError:
            usable = False
        if not usable:
            raise BadRequest(f"{shown} is not a server address", field="server", limit=allowed, got=shown[:80])
        password, _, netloc = parts.netloc.rpartition("@")
        return cls(f"{parts.scheme}://{netloc}{parts.path.rstrip('/')}", token, unquote(password) or None)

    @property
    def socket(self) -> str:
        """The address of the WebSocket."""
        return f"ws{self.url('/ws', {}).removeprefix('http')}"

    @property
    def headers(self) -> dict[str, str]:
        """The header with the password, or else the token, if there is one."""
        if self.password:
            return {"Authorization": f"Basic {b64encode(self.password.encode()).decode()}"}
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def url(self, path: str, query: Mapping[str, Any]) -> str:
        """`path` may hold characters that an address may not."""
        # the header has room for one of the two
        asked = {**query, "token": self.token} if self.token and self.password else query
        return f"{self.base}{quote(path)}" + (f"?{urlencode(asked)}" if asked else "")


class _Attentive(HTTPConnection):
    """Reads the answer of a server that hangs up in the middle of the request: it says why."""

    def send(self, data: Any) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            super().send(data)


class _AttentiveTls(_Attentive, HTTPSConnection):
    pass


class _Http(HTTPHandler):
    def http_open(self, request: Request) -> Any:
        return self.do_open(_Attentive, request)


class _Https(HTTPSHandler):
    def https_open(self, request: Request) -> Any:
        return self.do_open(_AttentiveTls, request)


@dataclass(frozen=True, slots=True)
class Remote:
    """HTTP requests to one server; each on a connection of its own. `timeout_s` without a byte gives up."""

    address: Address
    timeout_s: float = 30.0

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        kind: str = "application/octet-stream",
        key: str | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> bytes:
        """The body of the answer. `key` is a job's. Raises the server's error, or Unreachable."""
        headers = {"Content-Type": kind} if body is not None else {}
        headers |= self.address.headers | ({"X-Duostyle-Key": key} if key is not None else {})
        request = Request(self.address.url(path, query or {}), body, headers, method=method)  # noqa: S310
        try:
            status, data = self._exchange(request)
        except (OSError, HTTPException) as error:
            # a URLError, which is an OSError, wraps the reason
            raise Unreachable(f"no answer from {self.address.base}: {getattr(error, 'reason', error)}") from None
        if status >= 300:
            raise error_of(_object(data).get("error"), foreign(status))
        return data

    def _exchange(self, request: Request) -> tuple[int, bytes]:
        try:
            answer = build_opener(_Http, _Https).open(request, timeout=self.timeout_s)
        except urllib.error.HTTPError as error:
            # an answer like any other: reading it may fail in the same ways
            answer = error
        with answer:
            return answer.status, answer.read()

    def json(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        """As `request`, for an answer that is a JSON object."""
        answer = _object(self.request(method, path, **how))
        if not answer:
            raise Unreachable(f"{self.address.base}: {UNEXPECTED}")
        return answer


_FOREIGN = {
    401: "asks for a name and a password: http://NAME:PASSWORD@HOST",
    407: "asks for a name and a password",
    413: "takes no body that large; its limit must be raised",
    502: "does not reach the server",
    503: "does not reach the server",
    504: "waited too long for the server",
}


def foreign(status: int) -> str:
    """What an answer means that is not the server's own, which has its reason in JSON."""
    what = _FOREIGN.get(status, "refused the request")
    return f"a proxy answered with status {status} instead of the server: it {what}"


def error_of(problem: Any, otherwise: str) -> DuostyleError:
    """The server's `{code, message, ...}` as an error of ours; a code of a newer server becomes a ServerError."""
    fields = problem if isinstance(problem, Mapping) else {}
    kinds = {kind.code: kind for kind in _leaves(DuostyleError)}
    kind = kinds.get(str(fields.get("code")), ServerError)
    details = {name: fields.get(name) for name in ("field", "limit", "got", "reached")}
    return kind(str(fields.get("message") or otherwise), **details)


def _leaves(kind: type[DuostyleError]) -> Iterator[type[DuostyleError]]:
    children = kind.__subclasses__()
    if not children:
        yield kind
    for child in children:
        yield from _leaves(child)


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}

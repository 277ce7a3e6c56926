"""What both kinds of client share: the requests over HTTP, and what a lost connection means."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from duostyle.client.follow import Backoff, reconnecting, refusal
from duostyle.client.http import Address, Remote, Unreachable, error_of
from duostyle.errors import DuostyleError
from duostyle.protocol.outgoing import SUBPROTOCOL

Format = Literal["png", "jpg", "webp"]
_MAX_FRAME_BYTES = 2**26
LOST = (ConnectionClosed, InvalidHandshake, TimeoutError, OSError, EOFError)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A submitted job and the key that steers it."""

    job: str
    key: str


class Calls:
    """The requests over HTTP, blocking; both clients have them."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout_s: float = 30.0,
        give_up_s: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`give_up_s` without any connection ends the watching. Raises BadRequest when `url` is no address."""
        self._remote = Remote(Address.parse(url, token), timeout_s)
        self._give_up_s, self._clock = give_up_s, clock
        self._options: dict[str, Any] = {
            "subprotocols": [Subprotocol(SUBPROTOCOL)],
            "additional_headers": self._remote.address.headers,
            "compression": None,
            "max_size": _MAX_FRAME_BYTES,
            "open_timeout": timeout_s,
        }

    def _upload(self, data: bytes) -> str:
        return str(self._remote.json("POST", "/api/images", body=data)["id"])

    def _submit(self, content: str, styles: Sequence[str], params: Mapping[str, Any] | None) -> Ticket:
        order = json.dumps(order_of(content, styles, params)).encode()
        told = self._remote.json("POST", "/api/jobs", body=order, kind="application/json")
        return Ticket(told["job"], told["key"])

    def _cancel(self, ticket: Ticket) -> bool:
        return bool(self._remote.json("POST", f"/api/jobs/{ticket.job}/cancel", key=ticket.key)["cancelled"])

    def _result(self, job: str, format: Format, partial: bool) -> bytes:
        return self._remote.request("GET", f"/api/jobs/{job}/result.{format}", query={"partial": 1} if partial else {})

    def _get(self, path: str) -> dict[str, Any]:
        return self._remote.json("GET", path)

    def _delete(self, ticket: Ticket) -> None:
        self._remote.request("DELETE", f"/api/jobs/{ticket.job}", key=ticket.key)

    def _lost(self, error: BaseException, backoff: Backoff) -> dict[str, Any]:
        """What to tell about a lost connection. Raises when it is no use to try again."""
        refused = refused_by(error)
        if refused is not None:
            raise refused from None
        now = self._clock()
        if isinstance(error, Unreachable) or backoff.failing_s(now) > self._give_up_s:
            raise self._unreachable(error) from None
        return reconnecting(backoff.next_s(now), str(error) or type(error).__name__)

    def _unreachable(self, error: BaseException) -> Unreachable:
        return Unreachable(f"no connection to {self._remote.address.base}: {str(error) or type(error).__name__}")

    @contextmanager
    def _once(self) -> Iterator[None]:
        """For what is tried once: whatever a lost connection raises becomes one of our errors."""
        try:
            yield
        except LOST as error:
            raise refused_by(error) or self._unreachable(error) from None


def order_of(content: str, styles: Sequence[str], params: Mapping[str, Any] | None) -> dict[str, Any]:
    """A job as it is submitted."""
    return {"content": content, "styles": list(styles), "params": dict(params or {})}


def refused_by(error: BaseException) -> DuostyleError | None:
    """The server's own word, when it refused the connection for good."""
    if not isinstance(error, InvalidStatus):
        return None
    return refusal(error.response.status_code, bytes(error.response.body or b""))


def answered(data: str | bytes, ref: str) -> bool:
    """Whether this is the answer to the message with this `ref`. Raises the error when it is one, and Unreachable for
    what no server of ours says."""
    if isinstance(data, bytes):
        return False
    try:
        message = json.loads(data)
    except ValueError:
        raise Unreachable("what answers there is no duostyle server") from None
    if not isinstance(message, dict) or message.get("ref") != ref:
        return False
    if message["type"] == "error":
        raise error_of(message, "the server refuses")
    return True

"""What both clients share: the requests over HTTP, and what a lost connection means."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from duostyle.client.follow import Backoff, reconnecting, refusal
from duostyle.client.http import UNEXPECTED, Address, Remote, Unreachable, error_of
from duostyle.errors import DuostyleError
from duostyle.protocol.outgoing import SUBPROTOCOL

Format = Literal["png", "jpg", "webp", "tiff"]
Depth = Literal[8, 16]
_MAX_FRAME_BYTES = 2**26
LOST = (ConnectionClosed, InvalidHandshake, TimeoutError, OSError, EOFError)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A submitted job and the key that controls it."""

    job: str
    key: str


class Requests:
    """The requests over HTTP, blocking. Every method raises the server's errors and Unreachable."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def store(self, data: bytes) -> dict[str, Any]:
        """Store a picture on the server: `id`, `width`, `height`, `format`, `bytes`, `notes` on what the server did to
        it, and a `key` to delete it. The same bytes are stored once."""
        return self._remote.json("POST", "/api/images", body=data)

    def upload(self, data: bytes) -> str:
        """As `store`; the image id alone."""
        return str(self.store(data)["id"])

    def delete_image(self, image: str, key: str) -> None:
        """Delete an upload with the `key` that `store` gave, unless a job uses it or somebody else uploaded it too."""
        self._remote.request("DELETE", f"/api/images/{image}", key=key)

    def submit(self, content: str, styles: Sequence[str], params: Mapping[str, Any] | None = None) -> Ticket:
        """Queue a job without watching it; `content` and `styles` are image ids."""
        body = json.dumps(order_of(content, styles, params)).encode()
        accepted = self._remote.json("POST", "/api/jobs", body=body, kind="application/json")
        return Ticket(accepted["job"], accepted["key"])

    def cancel(self, ticket: Ticket) -> bool:
        """True when this call cancelled the job, False when it had ended."""
        return bool(self._remote.json("POST", f"/api/jobs/{ticket.job}/cancel", key=ticket.key)["cancelled"])

    def delete(self, ticket: Ticket) -> None:
        """Cancel the job if need be, then delete it with its pictures."""
        self._remote.request("DELETE", f"/api/jobs/{ticket.job}", key=ticket.key)

    def state(self, job: str) -> dict[str, Any]:
        """The job's state, as the message `state` has it."""
        return self._remote.json("GET", f"/api/jobs/{job}")

    def result(
        self,
        job: str,
        format: Format = "png",
        *,
        partial: bool = False,
        depth: Depth | None = None,
        dpi: int | None = None,
    ) -> bytes:
        """The painting; with `partial` the best so far of a job that has not completed. `depth` is in bits per channel:
        16 as png or tiff; `dpi`, pixels per inch, goes into the file."""
        asked = {"partial": 1 if partial else None, "depth": depth, "dpi": dpi}
        query = {name: value for name, value in asked.items() if value is not None}
        return self._remote.request("GET", f"/api/jobs/{job}/result.{format}", query=query)

    def timelapse(self, job: str) -> dict[str, Any]:
        """Which frames were recorded."""
        return self._remote.json("GET", f"/api/jobs/{job}/timelapse.json")

    def limits(self) -> dict[str, Any]:
        """The server's limits and parameters."""
        return self._remote.json("GET", "/api/limits")


class Link:
    """How a WebSocket to the server is opened, and what a lost connection means."""

    def __init__(self, address: Address, timeout_s: float, give_up_s: float, clock: Callable[[], float]) -> None:
        self.url, self.timeout_s = address.socket, timeout_s
        self.options: dict[str, Any] = {
            "subprotocols": [Subprotocol(SUBPROTOCOL)],
            "additional_headers": address.headers,
            "compression": None,
            "max_size": _MAX_FRAME_BYTES,
            "open_timeout": timeout_s,
        }
        self._base, self._give_up_s, self._clock = address.base, give_up_s, clock

    def lost(self, error: BaseException, backoff: Backoff) -> dict[str, Any]:
        """The event of a lost connection. Raises when trying again is useless."""
        refused = refused_by(error)
        if refused is not None:
            raise refused from None
        now = self._clock()
        if isinstance(error, Unreachable) or backoff.failing_s(now) > self._give_up_s:
            raise self._unreachable(error) from None
        return reconnecting(backoff.next_s(now), str(error) or type(error).__name__)

    @contextmanager
    def once(self) -> Iterator[None]:
        """For what is tried once: whatever a lost connection raises becomes one of our errors."""
        try:
            yield
        except LOST as error:
            raise refused_by(error) or self._unreachable(error) from None

    def _unreachable(self, error: BaseException) -> Unreachable:
        return Unreachable(f"no connection to {self._base}: {str(error) or type(error).__name__}")


def order_of(content: str, styles: Sequence[str], params: Mapping[str, Any] | None) -> dict[str, Any]:
    """A job as it is submitted."""
    return {"content": content, "styles": list(styles), "params": dict(params or {})}


def refused_by(error: BaseException) -> DuostyleError | None:
    """The server's own error, when it refused the connection for good."""
    if not isinstance(error, InvalidStatus):
        return None
    return refusal(error.response.status_code, bytes(error.response.body or b""))


def answered(data: str | bytes, ref: str) -> bool:
    """Whether this is the answer to the message with this `ref`. Raises the error when it is one, and Unreachable for
    a reply that no duostyle server sends."""
    if isinstance(data, bytes):
        return False
    try:
        message = json.loads(data)
    except ValueError:
        raise Unreachable(UNEXPECTED) from None
    if not isinstance(message, dict) or message.get("ref") != ref:
        return False
    if message["type"] == "error":
        raise error_of(message, "the server refused the request")
    return True

"""Request bodies on their way in: how large, how many at once, how slow, and the room that they share in memory.

A body takes room as it comes and gives it back when the request is answered, so that many slow uploads cannot keep
others out by announcing much and sending little.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from duostyle.errors import BadRequest, ImageTooLarge, QueueFull, TooManyRequests
from duostyle.metrics import Metrics
from duostyle.params import MAX_STYLES
from duostyle.settings import Settings
from duostyle.web.guard import access

# Boundaries and headers of the parts of a form.
_FORM_SLACK_BYTES = 2**16
# Slower than this on the average, a body is given up: whoever sends a byte now and then holds a place for ever.
_SLOWEST_BYTES_PER_S = 4096


class Uploads:
    """All bodies being received. `clock` counts seconds."""

    def __init__(self, settings: Settings, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._seats = access.Seats(settings.max_uploads, settings.max_uploads_per_client)
        self._room = access.Room(settings.max_inflight_bytes)

    @contextmanager
    def receiving(self, client: str, scope: Scope, receive: Receive) -> Iterator[Receive]:
        """`receive` with the limits on bodies; what was taken is given back at the end.

        Raises ImageTooLarge, QueueFull and TooManyRequests at once where the headers already say too much; calling
        what it gives raises them, and BadRequest for a body that is too slow, as the body comes.
        """
        headers = Headers(scope=scope)
        declared = headers.get("content-length", "")
        size = int(declared[:20]) if declared.isascii() and declared.isdigit() else 0
        if size == 0 and _bodiless(scope, headers):
            yield receive
            return
        limit, name = self._limit(scope["path"], headers)
        if size > limit:
            raise _too_large(limit, name)
        if not self._room.fits(size):
            raise self._no_room()
        self._take_seat(client)
        body = _Body(self, receive, limit, name, self._clock())
        self._metrics.uploads_in_flight.inc()
        try:
            yield body.receive
        finally:
            self._metrics.uploads_in_flight.dec()
            self._seats.give_back(client)
            self._give_back(body.got)

    def take(self, size: int) -> None:
        """Room for `size` more bytes. Raises QueueFull."""
        if not self._room.take(size):
            raise self._no_room()
        self._metrics.body_bytes.inc(size)
        self._metrics.inflight_bytes.set(self._room.taken)

    @property
    def patience_s(self) -> float:
        """How long a body may stop."""
        return self._settings.send_timeout_s

    def now(self) -> float:
        """Seconds on the clock."""
        return self._clock()

    def _give_back(self, size: int) -> None:
        self._room.give_back(size)
        self._metrics.inflight_bytes.set(self._room.taken)

    def _take_seat(self, client: str) -> None:
        settings = self._settings
        full = self._seats.take(client)
        if full == "all":
            raise QueueFull("too many uploads at once", limit=settings.max_uploads, reached="max_uploads")
        if full == "client":
            raise TooManyRequests(
                "too many uploads of this client at once",
                limit=settings.max_uploads_per_client,
                reached="max_uploads_per_client",
            )

    def _limit(self, path: str, headers: Headers) -> tuple[int, str]:
        """The most bytes that a body may have, and the name of the limit that says so."""
        settings = self._settings
        form = headers.get("content-type", "").lower().startswith("multipart/")
        slack = _FORM_SLACK_BYTES if form else 0
        if path == "/api/images":
            limit, name = settings.max_upload_bytes + slack, "max_upload_bytes"
        elif path == "/api/jobs":
            files = (1 + MAX_STYLES) * settings.max_upload_bytes
            limit, name = files + settings.max_message_bytes + slack, "max_upload_bytes"
        else:
            limit, name = settings.max_message_bytes, "max_message_bytes"
        # what has never room is too large, not too early
        return min((limit, name), (settings.max_inflight_bytes, "max_inflight_bytes"))

    def _no_room(self) -> QueueFull:
        return QueueFull(
            "too many bytes are being uploaded", limit=self._settings.max_inflight_bytes, reached="max_inflight_bytes"
        )


class _Body:
    """One body: `got` bytes of at most `limit` so far."""

    def __init__(self, uploads: Uploads, receive: Receive, limit: int, name: str, began: float) -> None:
        self._uploads, self._receive = uploads, receive
        self._limit, self._name = limit, name
        self._began = began
        self._complete = False
        self.got = 0

    async def receive(self) -> Message:
        if self._complete:
            # What is awaited now is the client's leaving, which may take as long as it likes.
            return await self._receive()
        message = await self._in_time()
        size = len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self.got + size > self._limit:
            raise _too_large(self._limit, self._name)
        self._uploads.take(size)
        self.got += size
        return message

    async def _in_time(self) -> Message:
        patience_s = self._uploads.patience_s
        left_s = self._began + patience_s + self.got / _SLOWEST_BYTES_PER_S - self._uploads.now()
        try:
            async with asyncio.timeout(min(patience_s, max(0.0, left_s))):
                return await self._receive()
        except TimeoutError:
            raise BadRequest(
                "the body did not arrive in time", limit=f"{_SLOWEST_BYTES_PER_S} bytes a second", got=self.got
            ) from None


def _bodiless(scope: Scope, headers: Headers) -> bool:
    if "transfer-encoding" in headers:
        return False
    return "content-length" in headers or scope["method"] in ("GET", "HEAD")


def _too_large(limit: int, name: str) -> ImageTooLarge:
    return ImageTooLarge(f"the body has more than {limit} bytes", limit=limit, reached=name)

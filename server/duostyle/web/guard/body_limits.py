"""Request bodies on their way in: how large, how many at once, how slow, and the memory that they share.

A body takes memory as it comes and gives it back when the request is answered, so that many slow uploads cannot keep
others out by announcing much and sending little.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from duostyle.errors import BadRequest, ImageTooLarge, QueueFull
from duostyle.metrics import Metrics
from duostyle.params import MAX_STYLES
from duostyle.settings import Settings
from duostyle.web.guard.quotas import Seats

# Boundaries and headers of the parts of a form.
_FORM_SLACK_BYTES = 2**16
# A body that is slower than this on average is given up, or a client that trickles bytes would hold a seat forever.
_SLOWEST_BYTES_PER_S = 4096


class BodyLimits:
    """The limits on all bodies being received. `clock` counts seconds."""

    def __init__(self, settings: Settings, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings, self.clock = settings, clock
        self._metrics = metrics
        self._seats = Seats("uploads at once", "max_uploads", settings.max_uploads, settings.max_uploads_per_client)
        self._held_bytes = 0

    @contextmanager
    def receiving(self, client: str, scope: Scope, receive: Receive) -> Iterator[Receive]:
        """`receive` with the limits on bodies; what was taken is given back at the end.

        Raises ImageTooLarge, QueueFull and TooManyRequests at once where the headers already announce too much; calling
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
        self._check_memory(size)
        with self._seats.taken(client):
            body = _Body(self, receive, limit, name)
            self._metrics.uploads_in_flight.inc()
            try:
                yield body.receive
            finally:
                self._metrics.uploads_in_flight.dec()
                self._hold(-body.received)

    def take(self, size: int) -> None:
        """Memory for `size` more bytes. Raises QueueFull."""
        self._check_memory(size)
        self._metrics.body_bytes.inc(size)
        self._hold(size)

    def _check_memory(self, size: int) -> None:
        limit = self.settings.max_inflight_bytes
        if self._held_bytes + size > limit:
            raise QueueFull("too many bytes are being uploaded at once", limit=limit, reached="max_inflight_bytes")

    def _hold(self, size: int) -> None:
        self._held_bytes += size
        self._metrics.inflight_bytes.set(self._held_bytes)

    def _limit(self, path: str, headers: Headers) -> tuple[int, str]:
        """The most bytes that a body may have, and the name of that limit."""
        settings = self.settings
        form = headers.get("content-type", "").lower().startswith("multipart/")
        slack = _FORM_SLACK_BYTES if form else 0
        if path == "/api/images":
            limit, name = settings.max_upload_bytes + slack, "max_upload_bytes"
        elif path == "/api/jobs":
            files = (1 + MAX_STYLES) * settings.max_upload_bytes
            limit, name = files + settings.max_message_bytes + slack, "max_upload_bytes"
        else:
            limit, name = settings.max_message_bytes, "max_message_bytes"
        # a body that can never be held is too large, not a matter of waiting
        return min((limit, name), (settings.max_inflight_bytes, "max_inflight_bytes"))


class _Body:
    """One body, of which `received` bytes of at most `limit` have come so far."""

    def __init__(self, limits: BodyLimits, receive: Receive, limit: int, name: str) -> None:
        self._limits, self._receive = limits, receive
        self._limit, self._name = limit, name
        self._started_at = limits.clock()
        self._complete = False
        self.received = 0

    async def receive(self) -> Message:
        if self._complete:
            # what is awaited now is the client's disconnect, which may take any time
            return await self._receive()
        message = await self._in_time()
        size = len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self.received + size > self._limit:
            raise _too_large(self._limit, self._name)
        self._limits.take(size)
        self.received += size
        return message

    async def _in_time(self) -> Message:
        pause_s = self._limits.settings.send_timeout_s
        left_s = self._started_at + pause_s + self.received / _SLOWEST_BYTES_PER_S - self._limits.clock()
        try:
            async with asyncio.timeout(min(pause_s, max(0.0, left_s))):
                return await self._receive()
        except TimeoutError:
            slowest = f"{_SLOWEST_BYTES_PER_S} bytes a second"
            raise BadRequest("the request body arrives too slowly", limit=slowest, got=self.received) from None


def _bodiless(scope: Scope, headers: Headers) -> bool:
    if "transfer-encoding" in headers:
        return False
    return "content-length" in headers or scope["method"] in ("GET", "HEAD", "OPTIONS")


def _too_large(limit: int, name: str) -> ImageTooLarge:
    return ImageTooLarge(f"the request body is larger than {limit} bytes", limit=limit, reached=name)

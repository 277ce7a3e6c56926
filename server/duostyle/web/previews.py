"""The previews of one socket: one is being made, the newest waits, and the request that it replaced is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from duostyle.errors import DuostyleError, InternalError, Superseded
from duostyle.jobs.previews import Previews
from duostyle.live.outbox import Outbox, Preview
from duostyle.metrics import Metrics
from duostyle.protocol import incoming
from duostyle.protocol.frames import FrameHeader, encode_frame

_log = logging.getLogger(__name__)

# answers a request, by its ref, with an error
Refuse = Callable[[DuostyleError, str | None], None]


class PreviewRequests:
    """Takes the requests of one connection; all methods run on the loop. No preview survives `close`."""

    def __init__(self, previews: Previews, outbox: Outbox, refuse: Refuse, metrics: Metrics) -> None:
        self._previews, self._outbox, self._refuse, self._metrics = previews, outbox, refuse, metrics
        self._waiting: incoming.Preview | None = None
        self._task: asyncio.Task[None] | None = None

    def ask(self, message: incoming.Preview) -> None:
        """Make it when the one before is done; of those that wait, only the newest is made."""
        if self._waiting is not None:
            self._supersede(self._waiting.ref)
        self._waiting = message
        if self._task is None:
            self._task = asyncio.create_task(self._make_all())

    def close(self) -> None:
        """Forget what waits and what is being made."""
        self._waiting = None
        if self._task is not None:
            self._task.cancel()

    async def _make_all(self) -> None:
        while self._waiting is not None:
            message, self._waiting = self._waiting, None
            try:
                await self._make(message)
            except DuostyleError as error:
                self._refuse(error, message.ref)
            except Exception:
                # a bug: it costs this preview and not the connection
                _log.exception("a preview could not be made")
                self._refuse(InternalError("internal error; the server's log has the details"), message.ref)
        self._task = None

    async def _make(self, message: incoming.Preview) -> None:
        image, width, height = await self._previews.jpeg(
            message.content, message.styles, message.params, message.max_px
        )
        header = FrameHeader(None, 0, 0, width, height, final=True, ref=message.ref)
        replaced = self._outbox.send_preview(Preview(encode_frame(header, image), message.ref))
        if replaced is not None:
            self._supersede(replaced.ref)

    def _supersede(self, ref: str | None) -> None:
        self._metrics.previews_superseded.inc()
        self._refuse(Superseded("a newer request took the place of this one"), ref)

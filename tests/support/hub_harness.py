"""A hub whose clock is set by hand and whose encoder counts, and the outboxes of its watchers."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from duostyle.live.hub import Hub
from duostyle.live.outbox import FrameDue, Outbox
from duostyle.metrics import Metrics
from duostyle.picture import Picture
from duostyle.protocol.frames import FrameOptions, decode_frame
from duostyle.settings import Settings
from tests.support.fake_engine import picture_of

FRAMES = FrameOptions(max_px=64, max_fps=10.0, window=1)


@dataclass
class HubHarness:
    """`now` is the time in s; `encoded` has (grey, max_px, quality) of each picture; a `broken` encoder fails."""

    now: float = 100.0
    encoded: list[tuple[int, int, int]] = field(default_factory=list)
    broken: bool = False

    def __post_init__(self) -> None:
        self.metrics = Metrics()
        settings = Settings(max_subscriptions=3)
        self.hub = Hub(settings=settings, metrics=self.metrics, encode=self.encode, clock=lambda: self.now)

    async def encode(self, picture: Picture, max_px: int, quality: int) -> bytes:
        await asyncio.sleep(0)
        if self.broken:
            raise ValueError("no")
        self.encoded.append((picture.rgb[0], max_px, quality))
        return bytes(picture.rgb[:1])

    def connect(self) -> Outbox:
        return self.hub.connect(lambda: None)

    def watcher(self, job: str = "j", frames: FrameOptions | None = FRAMES) -> Outbox:
        outbox = self.connect()
        self.hub.subscribe(outbox, job, frames)
        return outbox

    def show(self, seq: int, *, final: bool = False) -> None:
        self.hub.set_picture("j", picture_of(seq), seq=seq, step=seq, final=final)

    async def all(self, outbox: Outbox) -> list[Any]:
        """Everything that is due now: texts' types and frames' seqs."""
        heard: list[Any] = []
        while (taken := outbox.take(self.now)) is not None:
            if isinstance(taken, str):
                heard.append(json.loads(taken)["type"])
            elif isinstance(taken, FrameDue):
                frame = await self.hub.take_frame(taken)
                if frame is not None:
                    heard.append(decode_frame(frame)[0]["seq"])
            else:
                heard.append(taken)
                break
        return heard

    def sample(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(name)

"""The server of `bench.live`: the product with an engine that paints nothing but publishes on time.

Each step it shifts one picture whose JPEG has the wanted size, and writes down when it published which step, on the
clock that all processes of a machine share.

    python -m bench.live.server DATA_DIR LOG [--fps 10] [--kib 60] [--side 512] [--still] [--setting NAME=VALUE ...]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from duostyle.engine.api import Array, Change, Checkpoint, Control, Costs, Plan, Request, Step
from duostyle.imaging.encode import encode
from duostyle.picture import Picture
from duostyle.serving.server import serve
from duostyle.settings import load_settings

_STEPS = 5000
_QUALITY = 75
# JPEG codes 16 x 16 px at a time: shifted by that much, a picture keeps its size in bytes.
_SHIFT_PX = 16


class PacedEngine:
    """Publishes `fps` steps a second, each with a picture of about `kib` KiB as a JPEG of quality 75."""

    device = "paced"

    def __init__(self, log: TextIO, *, fps: float, kib: float, side: int, still: bool) -> None:
        self.log, self.fps, self.still = log, fps, still
        self._bytes, self._side = round(kib * 1024), side
        self.pixels = np.zeros((side, side, 3), np.uint8)

    def load(self) -> None:
        self.pixels = _picture_of_bytes(self._bytes, self._side)

    def trim(self) -> None:
        pass

    def begin(self, request: Request, control: Control, checkpoint: Checkpoint | None = None) -> PacedPainter:
        return PacedPainter(self, request, control, checkpoint)


class PacedPainter:
    changes: Sequence[Change] = ()

    def __init__(self, engine: PacedEngine, request: Request, control: Control, checkpoint: Checkpoint | None) -> None:
        self._engine, self._control = engine, control
        self.began_with = request.params
        self._styles = len(request.styles)
        self._total = request.params.iterations or _STEPS
        self.step = 0 if checkpoint is None else checkpoint.step
        height, width = engine.pixels.shape[:2]
        self.plan = Plan(width, height, levels=1, total_steps=self._total)

    def run(self, on_step: Callable[[Step], None]) -> bool:
        interval_s = 1 / self._engine.fps
        next_at = time.monotonic()
        while self.step < self._total:
            next_at += interval_s
            time.sleep(max(0.0, next_at - time.monotonic()))
            self._control.check()
            if self._control.paused:
                return False
            self.step += 1
            published_at = time.monotonic()
            on_step(self._made(interval_s))
            self._engine.log.write(f"{self.step} {published_at}\n")
            self._engine.log.flush()
        return True

    def picture(self) -> Picture:
        shift = 0 if self._engine.still else _SHIFT_PX * self.step
        pixels = np.roll(self._engine.pixels, shift, axis=1)
        return Picture(pixels.shape[1], pixels.shape[0], pixels.tobytes())

    def checkpoint(self) -> Checkpoint:
        pixels = self._engine.pixels.astype(np.float32)
        return Checkpoint({"step": self.step}, {"pixels": Array(pixels.shape, memoryview(pixels.tobytes()))})

    def report(self) -> Mapping[str, Any]:
        return {"costs": None, "elapsed_s": self.step / self._engine.fps, "evaluations": self.step, "share": None}

    def _made(self, step_s: float) -> Step:
        costs = Costs(1.2345678, 0.2345678, tuple([0.98765432 / self._styles] * self._styles), 0.0123456)
        left_s = (self._total - self.step) * step_s
        elapsed_s = self.step * step_s
        width, height = self.plan.width, self.plan.height
        return Step(self.step, self._total, 1, 1, width, height, costs, step_s, elapsed_s, left_s, picture=self.picture)


def _picture_of_bytes(wanted: int, side: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Grey with as much noise as makes its JPEG `wanted` bytes long, within a percent or so."""
    noise = np.random.default_rng(0).standard_normal((side, side, 3))
    low, high = 0.0, 120.0
    for _ in range(14):
        middle = (low + high) / 2
        pixels = np.clip(128 + middle * noise, 0, 255).astype(np.uint8)
        size = len(encode(Picture(side, side, pixels.tobytes()), "jpeg", quality=_QUALITY))
        low, high = (middle, high) if size < wanted else (low, middle)
    return pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("log", type=Path)
    parser.add_argument("--fps", type=float, default=10)
    parser.add_argument("--kib", type=float, default=60)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--still", action="store_true")
    parser.add_argument("--setting", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    settings = load_settings(
        {"data_dir": str(options.data_dir), "port": "0"} | dict(given.split("=", 1) for given in options.setting)
    )
    gallery = options.data_dir / "no-gallery"
    gallery.mkdir(parents=True)
    with options.log.open("w", encoding="ascii") as log:
        engine = PacedEngine(log, fps=options.fps, kib=options.kib, side=options.side, still=options.still)
        serve(settings, engine=engine, pictures=gallery)


if __name__ == "__main__":
    main()

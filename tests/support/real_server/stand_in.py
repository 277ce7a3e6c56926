"""The program of a server with the fake engine in a process of its own, which `ServerProcess` starts.

    python -m tests.support.real_server.stand_in '{"settings": {"data_dir": ..., "port": 0}, "engine": {"steps": 40}}'

`engine` has attributes of FakeEngine; `paint` may be "noise", or the KiB that each picture has as a JPEG of quality 75.
A number on standard input lets a gated engine make so many steps.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from duostyle.imaging.encode import encode
from duostyle.picture import Picture
from duostyle.serving.server import serve
from duostyle.settings import Settings
from tests.support.fake_engine import FakeEngine, noise_of

# JPEG codes 16 x 16 px at a time: shifted by that much, a picture keeps its size in bytes.
_SHIFT_PX = 16


def engine_of(attributes: dict[str, Any]) -> FakeEngine:
    """The engine with these attributes, as JSON has them."""
    engine = FakeEngine()
    # a process may paint very many
    engine.painters = deque(maxlen=1)
    for name, value in attributes.items():
        setattr(engine, name, value)
    width, height = engine.size
    engine.size = (width, height)
    if engine.diary is not None:
        engine.diary = Path(engine.diary)
    if "paint" in attributes:
        paint = attributes["paint"]
        engine.paint = noise_of if paint == "noise" else rolling_noise(paint, width, height)
    return engine


def rolling_noise(kib: float, width: int, height: int) -> Callable[[int, int, int], Picture]:
    """Paints grey with as much noise as makes its JPEG that large, within a percent or so, shifted at each step."""
    noise = np.random.default_rng(0).standard_normal((height, width, 3))
    low, high = 0.0, 120.0
    for _ in range(14):
        middle = (low + high) / 2
        pixels = np.clip(128 + middle * noise, 0, 255).astype(np.uint8)
        size = len(encode(Picture(width, height, pixels.tobytes()), "jpeg", quality=75))
        low, high = (middle, high) if size < kib * 1024 else (low, middle)
    return lambda step, width, height: Picture(width, height, np.roll(pixels, _SHIFT_PX * step, axis=1).tobytes())


def main() -> None:
    given = json.loads(sys.argv[1])
    settings, engine = Settings(**given["settings"]), engine_of(given["engine"])

    def release() -> None:
        for line in sys.stdin:
            engine.release(int(line))

    threading.Thread(target=release, daemon=True).start()
    serve(settings, engine=engine, pictures=Path(given["pictures"]))


if __name__ == "__main__":
    main()

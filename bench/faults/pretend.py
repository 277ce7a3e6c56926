"""A real server in a process of its own whose engine only pretends to paint, so that a bench measures the server.

python -m bench.faults.pretend --port 0 --data-dir DIR [--steps 40] [--step-s 0.02] [--diary FILE] [--hold FILE]

Every evaluation hashes what came before, so the last picture proves that each step was made once and in order, also
across processes. The diary has a line per evaluation, which outlives the process: what a crash cost can be counted.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from duostyle.engine.api import Array, Change, Checkpoint, CheckpointRefused, Control, Costs, Plan, Request, Step
from duostyle.picture import Picture
from duostyle.serving.listener import address, listen
from duostyle.serving.server import run
from duostyle.settings import Settings
from duostyle.web.app import create_app

WIDTH, HEIGHT = 64, 48


def state_after(seed: int, steps: int) -> bytes:
    """32 bytes that depend on every step made so far."""
    state = hashlib.sha256(str(seed).encode()).digest()
    for _ in range(steps):
        state = hashlib.sha256(state).digest()
    return state


def picture_of(state: bytes) -> Picture:
    """Noise, so that no encoder makes it small."""
    return Picture(WIDTH, HEIGHT, hashlib.shake_128(state).digest(WIDTH * HEIGHT * 3))


class Diary:
    """Lines `seed step pid` in a file that every process adds to; None writes nothing."""

    def __init__(self, path: Path | None) -> None:
        self._file = None if path is None else os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def add(self, seed: int, step: int) -> None:
        if self._file is not None:
            os.write(self._file, f"{seed} {step} {os.getpid()}\n".encode())


class PretendPainter:
    def __init__(
        self, engine: PretendEngine, request: Request, control: Control, checkpoint: Checkpoint | None
    ) -> None:
        self._engine, self._control = engine, control
        self.began_with = request.params
        self._seed = request.params.seed
        self._total = request.params.iterations or engine.steps
        self._styles = len(request.styles)
        self.step = 0
        self._state = state_after(self._seed, 0)
        self.changes: list[Change] = []
        if checkpoint is not None:
            if checkpoint.header.get("seed") != self._seed:
                raise CheckpointRefused("of another job")
            self.step, self._state = checkpoint.step, bytes.fromhex(checkpoint.header["state"])

    @property
    def plan(self) -> Plan:
        return Plan(WIDTH, HEIGHT, 1, self._total, self.step)

    def run(self, on_step: Callable[[Step], None]) -> bool:
        while self.step < self._total:
            self._control.check()
            if self._control.paused:
                return False
            time.sleep(self._engine.step_s)
            if self.step and self._engine.held:
                continue
            self.step += 1
            self._state = hashlib.sha256(self._state).digest()
            self._engine.diary.add(self._seed, self.step)
            on_step(self._told())
        return True

    def checkpoint(self) -> Checkpoint:
        header = {"step": self.step, "seed": self._seed, "state": self._state.hex(), "changes": []}
        return Checkpoint(header, {"state": Array((8,), memoryview(self._state))})

    def picture(self) -> Picture:
        return picture_of(self._state)

    def report(self) -> Mapping[str, Any]:
        return {"costs": None, "elapsed_s": self.step * self._engine.step_s, "evaluations": self.step, "share": None}

    def _told(self) -> Step:
        costs = Costs(1.0, 0.5, (0.5 / self._styles,) * self._styles, 0.0)
        step_s, state = self._engine.step_s, self._state
        left_s = (self._total - self.step) * step_s
        elapsed_s = self.step * step_s
        return Step(
            self.step, self._total, 1, 1, WIDTH, HEIGHT, costs, step_s, elapsed_s, left_s, lambda: picture_of(state)
        )


class PretendEngine:
    """`steps` evaluations of `step_s` seconds each; none after a job's first one while there is a file `hold`."""

    device = "pretend"

    def __init__(
        self, *, steps: int = 40, step_s: float = 0.02, diary: Path | None = None, hold: Path | None = None
    ) -> None:
        self.steps, self.step_s, self.diary = steps, step_s, Diary(diary)
        self._hold = hold

    @property
    def held(self) -> bool:
        return self._hold is not None and self._hold.exists()

    def load(self) -> None:
        return

    def trim(self) -> None:
        return

    def begin(self, request: Request, control: Control, checkpoint: Checkpoint | None = None) -> PretendPainter:
        control.check()
        return PretendPainter(self, request, control, checkpoint)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=40, help="evaluations of a job")
    parser.add_argument("--step-s", type=float, default=0.02, help="seconds of an evaluation")
    parser.add_argument("--diary", type=Path, help="file for a line per evaluation")
    parser.add_argument("--hold", type=Path, help="while this file is there, a job stands still after one evaluation")
    options = parser.parse_args()
    settings = Settings(
        data_dir=options.data_dir,
        port=options.port,
        max_requests_per_s=100_000,
        max_sockets_per_client=500,
        max_jobs_per_client=1000,
    )
    engine = PretendEngine(steps=options.steps, step_s=options.step_s, diary=options.diary, hold=options.hold)
    with tempfile.TemporaryDirectory() as no_gallery, listen(settings) as listening:
        app = create_app(settings, engine=engine, pictures=Path(no_gallery))
        ready = f"duostyle is ready: {address(listening)}"
        asyncio.run(run(app, settings, listening, lambda _: print(ready, flush=True)))


if __name__ == "__main__":
    main()

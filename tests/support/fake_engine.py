"""The stand-in for the engine in tests and benchmarks: it paints a small picture per step, and pictures are given.

By default it runs freely. With `gated=True` each step waits for `engine.release(n)`; with `step_s` steps come at that
pace. No other sleeps: a gated step waits on a semaphore with a short timeout, only to look at cancel and pause in
between.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import random
import threading
import time
from collections.abc import Callable, Hashable, Mapping, MutableSequence, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from duostyle.engine.api import Array, Change, Checkpoint, CheckpointRefused, Control, Costs, Plan, Request, Step
from duostyle.params import StyleParams
from duostyle.picture import Picture

# more steps than any machine makes during a test: a painting of so many goes on until it is ended
ENDLESS = 2**31 - 1
_LOOK_S = 0.002
_GUARD_S = 30.0


def picture_of(step: int, width: int = 8, height: int = 6) -> Picture:
    """The picture after `step`: one grey that no other step (of 251) has."""
    return Picture(width, height, bytes([step % 251]) * (width * height * 3))


def noise_of(step: int, width: int, height: int) -> Picture:
    """Noise, another one after every step, which no encoder makes small."""
    return Picture(width, height, random.Random(step).randbytes(width * height * 3))


def state_after(seed: int, steps: int) -> bytes:
    """32 bytes that depend on every step of a painting so far."""
    state = hashlib.sha256(str(seed).encode()).digest()
    for _ in range(steps):
        state = hashlib.sha256(state).digest()
    return state


def proof_of(state: bytes, width: int = 64, height: int = 48) -> Picture:
    """The noise that belongs to a state: it proves that each step was made once and in order, also across processes."""
    return Picture(width, height, hashlib.shake_128(state).digest(width * height * 3))


def deepened(rgb: bytes) -> bytes:
    """16-bit samples, the lower byte first, whose upper bytes are `rgb` and whose lower ones no 8 bits could give."""
    samples = bytearray([7]) * (2 * len(rgb))
    samples[1::2] = rgb
    return bytes(samples)


def share_of(styles: int) -> list[float] | None:
    """What the fake engine measures: 1/4 and 3/4 for two styles, nothing for another number."""
    return [0.25, 0.75] if styles == 2 else None


def image_bytes(color: tuple[int, int, int] = (200, 40, 10), size: tuple[int, int] = (16, 12)) -> bytes:
    """A PNG of one colour."""
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, "png")
    return out.getvalue()


class FakePainter:
    def __init__(
        self, engine: FakeEngine, request: Request, control: Control, checkpoint: Checkpoint | None = None
    ) -> None:
        self.engine, self.request, self.control = engine, request, control
        self.params: StyleParams = request.params
        self.began_with = request.params
        self.masks = request.masks
        self.step = self.began_at = 0
        self.state = state_after(self.params.seed, 0)
        self.changes: list[Change] = []
        if checkpoint is not None:
            if checkpoint.header.get("made_by") != "fake":
                raise CheckpointRefused("not of this engine")
            self.step = self.began_at = checkpoint.step
            self.state = bytes.fromhex(checkpoint.header["state"])
            self.changes = [Change(**change) for change in checkpoint.header["changes"]]
            self.began_with = StyleParams.model_validate(checkpoint.header["began_with"])
        width, height = engine.size
        self.plan = Plan(width, height, levels=1, total_steps=self._total(), step=self.step)

    def run(self, on_step: Callable[[Step], None]) -> bool:
        self.engine.threads.add(threading.get_native_id())
        next_at = time.monotonic()
        while self.step < self._total():
            if self.engine.step_s:
                next_at += self.engine.step_s
                time.sleep(max(0.0, next_at - time.monotonic()))
            if not self._may_go():
                return False
            while (update := self.control.take_update())[0] is not None:
                params, masks = update
                self._change(params or self.params)
                self.masks = self.masks if masks is None else masks
            if self.step + 1 == self.engine.fail_at:
                raise self.engine.error
            self.step += 1
            self.state = hashlib.sha256(self.state).digest()
            self.engine.write_diary(self)
            on_step(self._step())
            if self.engine.stubborn:
                threading.Thread(target=threading.Event().wait).start()
                threading.Event().wait()
        return True

    def checkpoint(self) -> Checkpoint:
        changes = [{"step": change.step, "params": dict(change.params)} for change in self.changes]
        header = {
            "made_by": "fake",
            "step": self.step,
            "state": self.state.hex(),
            "changes": changes,
            "began_with": self.began_with.model_dump(mode="json"),
        }
        count = self.engine.checkpoint_numbers
        return Checkpoint(header, {"numbers": Array((count,), memoryview(bytes(4 * count)))})

    def _change(self, params: StyleParams) -> None:
        before, after = self.params.model_dump(mode="json"), params.model_dump(mode="json")
        changed = {name: value for name, value in after.items() if before[name] != value}
        if changed:
            self.changes.append(Change(self.step, changed))
        self.params = params

    def picture(self, *, deep: bool = False) -> Picture:
        picture = self._painted(self.step, self.state)
        return dataclasses.replace(picture, deep=deepened(picture.rgb)) if deep else picture

    def _painted(self, step: int, state: bytes) -> Picture:
        engine = self.engine
        return proof_of(state, *engine.size) if engine.proves else engine.paint(step, *engine.size)

    def report(self) -> Mapping[str, Any]:
        return {
            "costs": self._costs().as_dict(),
            "elapsed_s": self.step * self.engine.told_step_s,
            "evaluations": self.step,
            "share": share_of(len(self.request.styles)),
        }

    def _total(self) -> int:
        return self.params.iterations or self.engine.steps

    def _may_go(self) -> bool:
        """False when paused; raises Cancelled when cancelled."""
        while True:
            self.control.check()
            if self.control.paused:
                return False
            if not self.engine.gated or self.engine.turns.acquire(timeout=_LOOK_S):
                return True

    def _costs(self) -> Costs:
        content, tv = 1.0 / (self.step + 1), 0.5
        style = tuple(2.0 / (self.step + 1) for _ in self.request.styles)
        return Costs(content + sum(style) + tv, content, style, tv)

    def _step(self) -> Step:
        total, step, state, step_s = self._total(), self.step, self.state, self.engine.told_step_s

        def picture() -> Picture:
            self.engine.pictures_taken += 1
            return self._painted(0 if self.engine.still else step, state)

        width, height = self.engine.size
        times_s = (step_s, step * step_s, (total - step) * step_s)
        return Step(step, total, 1, 1, width, height, self._costs(), *times_s, picture)


class FakeEngine:
    """Set the attributes before a job begins; `painters` has every painter begun so far.

    `diary` is a file that gets a line `seed step pid monotonic_s` per step and may be shared by processes; what
    `proves` paints the proof of its state; what is `stubborn` makes one step and never looks at cancel or pause again.
    """

    device = "fake"
    precision = "float32"

    def __init__(self, *, steps: int = 5, gated: bool = False, size: tuple[int, int] = (8, 6)) -> None:
        self.steps, self.gated, self.size = steps, gated, size
        self.step_s = 0.0
        self.still = self.proves = self.stubborn = False
        self.paint: Callable[[int, int, int], Picture] = picture_of
        self.checkpoint_numbers = 1
        self.diary: Path | None = None
        self.fail_at = 0
        self.error: Exception = RuntimeError("the fake engine fails as requested")
        self.begin_error: Exception | None = None
        self.load_error: Exception | None = None
        self.loading = threading.Event()
        self.loading.set()
        self.turns = threading.Semaphore(0)
        self.painters: MutableSequence[FakePainter] = []
        # what was asked for; with `holds_previews` each waits for a turn, and looks whether anybody waits for it
        self.previews: list[Request] = []
        self.preview_names: list[Sequence[Hashable]] = []
        self.preview_asked = threading.Condition()
        self.holds_previews = False
        self.preview_begun = threading.Event()
        self.preview_turns = threading.Semaphore(0)
        self.preview_error: Exception | None = None
        self.people = True
        self.threads: set[int] = set()
        self.pictures_taken = 0
        self.trimmed = 0

    @property
    def told_step_s(self) -> float:
        """Seconds of a step as it reports them; one second where it has no pace."""
        return self.step_s or 1.0

    def load(self) -> None:
        self.threads.add(threading.get_native_id())
        self.loading.wait(30)
        if self.load_error:
            raise self.load_error

    def trim(self) -> None:
        self.trimmed += 1

    def begin(self, request: Request, control: Control, checkpoint: Checkpoint | None = None) -> FakePainter:
        control.check()
        if self.begin_error:
            raise self.begin_error
        self.painters.append(FakePainter(self, request, control, checkpoint))
        return self.painters[-1]

    def has_people(self, content: Picture) -> bool:
        return self.people

    def preview(self, request: Request, names: Sequence[Hashable], check: Callable[[], None]) -> Picture:
        with self.preview_asked:
            self.previews.append(request)
            self.preview_names.append(names)
            self.preview_asked.notify_all()
        self.preview_begun.set()
        while self.holds_previews and not self.preview_turns.acquire(timeout=_LOOK_S):
            check()
        check()
        if self.preview_error:
            raise self.preview_error
        width, height = request.content.width, request.content.height
        scale = request.params.size / max(width, height)
        return picture_of(len(self.previews), round(width * scale), round(height * scale))

    def wait_for_preview(self, wanted: Callable[[Request], bool]) -> None:
        """Wait until a preview like this was asked for."""
        with self.preview_asked:
            assert self.preview_asked.wait_for(lambda: any(map(wanted, self.previews)), _GUARD_S)

    def release(self, steps: int = 1) -> None:
        """Let a gated engine make this many steps."""
        self.turns.release(steps)

    def write_diary(self, painter: FakePainter) -> None:
        if self.diary is not None:
            line = f"{painter.began_with.seed} {painter.step} {os.getpid()} {time.monotonic()}\n"
            # opened anew each time and written at once: other processes write too, and this one may be killed
            with self.diary.open("ab", buffering=0) as file:
                file.write(line.encode())

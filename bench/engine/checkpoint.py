"""What checkpoints cost: taking one on the engine thread, writing it beside the painting, going on from it.

python -m bench.engine.checkpoint [--size 512] [--preset draft] [--folder DIR]

A checkpoint is written during every second evaluation of a level: evaluations with and without one meet the same
load.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from bench.common.machine import describe
from bench.common.pictures import GALLERY
from duostyle.engine.api import Checkpoint, Control, Painter, Request, Step
from duostyle.engine.checkpoint_format import decode, encode
from duostyle.engine.environment import prepare
from duostyle.imaging import decode as images
from duostyle.params import StyleParams
from duostyle.storage.files import Folder
from duostyle.threads import HELPER_NICE, lower_priority


@dataclass
class Figures:
    """Of one level: milliseconds of taking and of writing, bytes of the largest file, seconds of evaluations."""

    take_ms: list[float] = field(default_factory=list)
    write_ms: list[float] = field(default_factory=list)
    most_bytes: int = 0
    alone_s: list[float] = field(default_factory=list)
    beside_s: list[float] = field(default_factory=list)

    def line(self, name: str) -> str:
        alone, beside = self.alone_s or [float("nan")], self.beside_s or [float("nan")]
        return (
            f"{name:>11}  take {max(self.take_ms):6.2f} ms at most  write {statistics.median(self.write_ms):7.1f} ms  "
            f"{self.most_bytes / 1e6:6.1f} MB  evaluation alone {1e3 * statistics.median(alone):6.0f} ms, "
            f"beside a write {1e3 * statistics.median(beside):6.0f} ms"
        )


class Bench:
    """`on_step` of one painting."""

    def __init__(self, folder: Path) -> None:
        self.folder = Folder(folder)
        self.folder.prepare()
        self.figures: dict[str, Figures] = defaultdict(Figures)
        self.thread = ThreadPoolExecutor(1, initializer=lower_priority, initargs=(HELPER_NICE,))
        self.writing: Future[float] | None = None
        self.painter: Painter | None = None

    def on_step(self, step: Step) -> None:
        figures = self.figures[f"{step.width}x{step.height}"]
        if self.writing is not None:
            figures.beside_s.append(step.step_s)
            figures.write_ms.append(1e3 * self.writing.result())
            self.writing = None
            return
        figures.alone_s.append(step.step_s)
        if self.painter is not None:
            begin = time.perf_counter()
            checkpoint = self.painter.checkpoint()
            figures.take_ms.append(1e3 * (time.perf_counter() - begin))
            figures.most_bytes = max(figures.most_bytes, sum(len(array.data) for array in checkpoint.arrays.values()))
            self.writing = self.thread.submit(self.write, checkpoint)

    def write(self, checkpoint: Checkpoint) -> float:
        begin = time.perf_counter()
        self.folder.write("bench", encode(checkpoint))
        return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--preset", default="draft", choices=("draft", "standard", "fine"))
    parser.add_argument("--folder", type=Path, help="where checkpoints are written, on the disk that is meant")
    options = parser.parse_args()
    prepare(os.environ)
    from duostyle.engine.torch_engine import TorchEngine

    engine = TorchEngine()
    engine.load()
    pictures = [images.decode((GALLERY / name).read_bytes()) for name in ("astronaut.jpg", "starry.jpg", "molten.jpg")]
    request = Request(pictures[0], tuple(pictures[1:]), StyleParams(size=options.size, preset=options.preset))
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        bench, control = Bench(Path(folder)), Control()
        bench.painter = engine.begin(request, control)
        bench.painter.run(bench.on_step)
        print(describe())
        for name, figures in bench.figures.items():
            if figures.write_ms:
                print(figures.line(name))
        data = bench.folder.read("bench")
        if data is not None:
            begin = time.perf_counter()
            checkpoint = decode(data)
            read_s = time.perf_counter() - begin
            engine.begin(request, control, checkpoint)
            print(f"going on: {1e3 * read_s:.0f} ms to check, {time.perf_counter() - begin:.2f} s until it paints")


if __name__ == "__main__":
    main()

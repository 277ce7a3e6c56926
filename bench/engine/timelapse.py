"""What a time-lapse costs a painting that nobody watches, and what its animations take; the engine's time is measured.

python -m bench.engine.timelapse [--size 256] [--preset draft]
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.common.machine import describe
from duostyle.engine.api import Control, Request
from duostyle.engine.torch_engine import TorchEngine
from duostyle.executor.engine_thread import EngineThread
from duostyle.executor.pools import HelperPools
from duostyle.executor.task import StepReport, Task
from duostyle.imaging import animation
from duostyle.imaging import decode as images
from duostyle.jobs.timelapse import TimelapseRecorder
from duostyle.metrics import Metrics
from duostyle.params import StyleParams
from duostyle.settings import Settings
from duostyle.storage.store import Store
from duostyle.web.gallery import shipped

JOB = "j" * 22
PICTURES = ("astronaut.jpg", "starry.jpg", "molten.jpg")


async def measure(params: StyleParams, folder: Path) -> None:
    settings = Settings(data_dir=folder)
    store, pools = Store(settings.state_dir), HelperPools()
    engine_thread = EngineThread(TorchEngine(device="cpu"))
    await store.open()
    await engine_thread.start()
    await engine_thread.until_loaded()
    recorder = TimelapseRecorder(settings, store, pools, Metrics())
    recording = recorder.recording(JOB)
    reports: list[StepReport] = []

    def on_step(report: StepReport) -> None:
        reports.append(report)
        recorder.offer(JOB, report)

    content, *styles = (
        images.decode(shipped().joinpath(name).read_bytes(), max_px=max(1024, params.size)) for name in PICTURES
    )
    task = Task(
        Request(content, tuple(styles), params),
        Control(),
        on_begin=lambda plan: None,
        on_step=on_step,
        wants_picture=lambda: recording.wants(time.monotonic()),
    )
    ended = await engine_thread.run(task)
    assert ended.picture is not None, ended.error
    last = reports[-1].step
    await recorder.finish(JOB, ended.picture, step=last.step, elapsed_s=last.elapsed_s)
    taken = [report.picture_s for report in reports if report.picture is not None]
    pictures = await store.with_timelapses(lambda timelapses: timelapses.pictures(JOB))
    print(
        f"painting       {last.elapsed_s:8.1f} s, {last.step} evaluations, {ended.picture.width}x{ended.picture.height}"
    )
    print(f"frames         {len(pictures):8d}, {sum(map(len, pictures)) / 2**20:.2f} MiB")
    print(f"taking them    {sum(taken):8.3f} s, {sum(taken) / last.elapsed_s:.2%} of the engine's time")
    for name, make in (("webp", animation.webp), ("mp4", animation.mp4)):
        if name == "mp4" and not animation.has_mp4():
            continue
        begin = time.process_time()
        size = len(make(pictures))
        print(f"{name:<14} {time.process_time() - begin:8.2f} s of one core, {size / 2**20:.2f} MiB")
    await engine_thread.stop()
    pools.close()
    await store.close()


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--preset", choices=("draft", "standard", "fine"), default="draft")
    arguments = parser.parse_args(argv)
    print(describe())
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(StyleParams(size=arguments.size, preset=arguments.preset), Path(folder)))


if __name__ == "__main__":
    main()

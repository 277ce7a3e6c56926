"""Part d: the most memory that a painting ever takes, each in a process of its own.

    python -m bench.engine.peak REPORT paint CONTENT --style S -o OUT ...

is `duostyle paint ...` that leaves its peak in the file REPORT.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.common.pictures import Pair
from bench.common.table import Column, Table

STATUS = Path("/proc/self/status")


def peaks(pair: Pair, longest_px: Sequence[int], budgets_mb: Sequence[int], iterations: int | None) -> None:
    """A table of peaks at these longest sides in px, within each memory budget in MB (0: the default)."""
    table = Table(
        Column("pixels", width=11), Column("budget MB"), Column("evaluations"), Column("peak MB", 0), Column("s", 1)
    )
    print(table.head())
    for size in longest_px:
        for budget_mb in budgets_mb:
            found = peak(pair, size, budget_mb, iterations)
            cells = (f"{found['width']} x {found['height']}", budget_mb or None, found["evaluations"])
            print(table.row(*cells, found["peak_mb"], found["elapsed_s"]), flush=True)


def peak(pair: Pair, size: int, budget_mb: int, iterations: int | None) -> dict[str, float]:
    """`peak_mb`, and `width`, `height` in px, `evaluations`, `elapsed_s` of one painting. Raises SystemExit."""
    with tempfile.TemporaryDirectory() as folder:
        report, output = Path(folder) / "peak.json", Path(folder) / "out.png"
        content, style = enlarged(pair, size, Path(folder))
        words = [str(report), "paint", str(content), "--style", str(style), "-o", str(output)]
        words += ["--size", str(size), "--memory-budget-mb", str(budget_mb), "--progress", "json"]
        words += [] if iterations is None else ["--iterations", str(iterations)]
        done = subprocess.run([sys.executable, "-m", "bench.engine.peak", *words], stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise SystemExit(f"the painting of {size} px failed")
        end = json.loads(done.stdout.splitlines()[-1])
        found = {name: end[name] for name in ("width", "height", "evaluations", "elapsed_s")}
        return {**found, **json.loads(report.read_text())}


def enlarged(pair: Pair, size: int, folder: Path) -> Pair:
    """Both pictures in `folder` at 4:3 and `size` px: small ones would spare the painting its memory."""
    from PIL import Image

    paths = []
    for name, path in zip(("content", "style"), pair, strict=True):
        paths.append(folder / f"{name}.png")
        with Image.open(path) as picture:
            picture.convert("RGB").resize((size, size * 3 // 4), Image.Resampling.LANCZOS).save(paths[-1])
    return paths[0], paths[1]


def peak_mb() -> float:
    """The most resident memory that this process ever had, in MB. Raises SystemExit where it is unknown."""
    # not getrusage: its figure begins with that of the process that started this one
    for line in STATUS.read_text().splitlines() if STATUS.exists() else ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this system does not report the peak memory of a process")


def main(argv: Sequence[str]) -> int:
    from duostyle.cli.main import main as command

    status = command(argv[1:])
    Path(argv[0]).write_text(json.dumps({"peak_mb": peak_mb()}))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

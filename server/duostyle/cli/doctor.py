"""`duostyle doctor`: what this machine offers, whether a server would start on it and paint, and how fast."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from duostyle.contract.limits import limits
from duostyle.engine.api import Control, Engine, Request, Step
from duostyle.engine.environment import weights_sha256
from duostyle.errors import DuostyleError
from duostyle.imaging.animation import has_mp4
from duostyle.params import StyleParams
from duostyle.picture import Picture
from duostyle.serving.listener import listen
from duostyle.settings import Settings
from duostyle.storage.inspection import problems_of
from duostyle.storage.store import DATABASE_FILE
from duostyle.threads import usable_cores
from duostyle.web import gallery
from duostyle.web import static_files as pages

PACKAGES = ("torch", "torchvision", "starlette", "uvicorn", "websockets", "pillow", "numpy", "safetensors", "pydantic")
SIDE_PX = 256
# enough for three at the full size
ITERATIONS = 8


def run(arguments: Namespace, settings: Settings, make_engine: Callable[[Settings], Engine]) -> int:
    """The exit status: 1 when there is a problem."""
    if arguments.measure:
        forget_kernels(settings.kernel_dir)
    facts = examine(settings, make_engine(settings))
    print(json.dumps(facts, indent=2) if arguments.json else describe(facts))
    return 1 if facts["problems"] else 0


def examine(settings: Settings, engine: Engine, *, weights_hash: Callable[[str], str] | None = None) -> dict[str, Any]:
    """Everything that is known, JSON-serialisable; `problems` is a list of sentences, empty when there is none;
    `notes` are sentences too, of what is missing without being wrong.

    `weights_hash` gives the SHA-256 of the named weights or raises WeightsError; by default it reads and checks them.
    Paints a few steps of a made-up picture to measure `seconds_per_megapixel_evaluation` (None when that failed).
    """
    problems: list[str] = []
    versions = {"python": platform.python_version()} | {name: _version(name, problems) for name in PACKAGES}
    digest = seconds = None
    device: str = settings.device
    precision: str = settings.precision
    try:
        digest = (weights_hash or weights_sha256)(settings.weights)
        engine.load()
        device, precision = engine.device, engine.precision
        seconds = measure(engine)
    except DuostyleError as error:
        problems.append(f"engine: {error.message}")
    except Exception as error:
        problems.append(f"engine: {type(error).__name__}: {error}")
    _port(settings, problems)
    problems += problems_of(settings.state_dir, DATABASE_FILE)
    _own_files(problems)
    return {
        "device": device,
        "precision": precision,
        "threads": settings.threads or usable_cores(),
        "weights": {"name": settings.weights, "sha256": digest},
        "seconds_per_megapixel_evaluation": seconds,
        "data_dir": str(settings.state_dir),
        "limits": limits(settings),
        "versions": versions,
        "notes": _notes(),
        "problems": problems,
    }


def forget_kernels(folder: Path) -> None:
    """Have the next engine measure again which kernels are the fastest. Raises OSError when the folder is read-only."""
    for file in folder.glob("*.json"):
        file.unlink(missing_ok=True)


def measure(engine: Engine) -> float:
    """Seconds per megapixel-evaluation: the fastest step of a small painting at its full size.

    The fastest, because the first step at each size also prepares the targets, and other work may slow down any.
    """
    request = Request(
        content=made_up_picture(3),
        styles=(made_up_picture(11),),
        params=StyleParams(size=SIDE_PX, iterations=ITERATIONS, init="content"),
    )
    steps: list[Step] = []
    engine.begin(request, Control()).run(steps.append)
    largest_px = max(step.width * step.height for step in steps)
    return min(step.step_s for step in steps if step.width * step.height == largest_px) / (largest_px / 1e6)


def made_up_picture(seed: int) -> Picture:
    """A square of `SIDE_PX` with gradients and a pattern of its own per `seed`; needs no file."""
    rows = (
        (x, y, (x * seed ^ y * (seed + 2)) & 255)  # all three channels differ, so that no statistics are degenerate
        for y in range(SIDE_PX)
        for x in range(SIDE_PX)
    )
    return Picture(SIDE_PX, SIDE_PX, bytes(value & 255 for pixel in rows for value in pixel))


def describe(facts: Mapping[str, Any]) -> str:
    """The facts as lines for a person."""
    seconds = facts["seconds_per_megapixel_evaluation"]
    lines = [
        ("device", facts["device"]),
        ("precision", facts["precision"]),
        ("threads", facts["threads"]),
        ("weights", f"{facts['weights']['name']}, sha256 {facts['weights']['sha256'] or 'unknown'}"),
        ("speed", "not measured" if seconds is None else f"{seconds:.2f} s per megapixel-evaluation"),
        ("data folder", facts["data_dir"]),
        *(("limit", f"{name} = {value}") for name, value in facts["limits"].items()),
        *(("version", f"{name} {value or 'missing'}") for name, value in facts["versions"].items()),
        *(("note", note) for note in facts["notes"]),
        *(("PROBLEM", problem) for problem in facts["problems"]),
    ]
    lines.append(("result", "problems were found" if facts["problems"] else "all is well"))
    return "\n".join(f"{name:<12} {value}" for name, value in lines)


def _version(name: str, problems: list[str]) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        problems.append(f"the package {name} is not installed")
        return None


def _port(settings: Settings, problems: list[str]) -> None:
    """What keeps a server from listening where it shall."""
    try:
        listen(settings).close()
    except DuostyleError as error:
        problems.append(error.message)


def _own_files(problems: list[str]) -> None:
    """Files of the package that a server needs besides the weights."""
    page = pages.folder() / "index.html"
    if not page.is_file():
        problems.append(f"the page's files are missing ({page}); install duostyle again")
    problems.extend(gallery.problems_of(gallery.shipped()))


def _notes() -> list[str]:
    """What a server does without, in sentences."""
    return (
        [] if has_mp4() else ["PyAV is not installed, so time-lapses come as WebP only: pip install 'duostyle[video]'"]
    )

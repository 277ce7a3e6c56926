"""Runs a benchmark by its name; without a name it lists them.

python -m bench [NAME [OPTION ...]]
"""

from __future__ import annotations

import ast
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

MODULES = {
    "engine": "bench.engine.__main__",
    "checkpoint": "bench.engine.checkpoint",
    "instant": "bench.engine.instant",
    "previews": "bench.live.previews",
    "timelapse": "bench.engine.timelapse",
    "prints": "bench.engine.prints",
    "quality": "bench.quality.__main__",
    "live": "bench.live.__main__",
    "responsiveness": "bench.live.responsiveness",
    "crash": "bench.faults.crash",
    "soak": "bench.faults.soak",
    "fuzz": "bench.faults.fuzz",
    "conformance": "bench.faults.conformance",
    "hostile": "bench.faults.hostile",
    "interleave": "bench.faults.interleave",
}


def summary(name: str) -> str:
    """The first sentence of a benchmark's docstring; the benchmark is not imported."""
    spec = find_spec(MODULES[name])
    assert spec is not None
    assert spec.origin is not None
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text("utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split())


def listing() -> str:
    return "\n".join(f"{name:16}{summary(name)}" for name in MODULES)


def main(argv: list[str]) -> None:
    if not argv or argv[0] in ("-h", "--help"):
        print(f"python -m bench NAME [OPTION ...]; --help after a name lists its options\n\n{listing()}")
        return
    name, *options = argv
    if name not in MODULES:
        raise SystemExit(f"no benchmark is called {name}; there are {', '.join(MODULES)}")
    sys.argv = [f"python -m bench {name}", *options]
    runpy.run_module(MODULES[name], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])

"""schemathesis against a real server: what it promises in /openapi.json, and the answers that it really gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.fake_engine import image_bytes
from tests.support.real_server.server_process import CHECKOUT

# 501 is an answer of ours, that something is not available here; no client knows from the document which pictures are
# too large or damaged, so a request that fits it may still be refused.
_CONFIG = """
hooks = "tests.support.conformance_hooks"

[generation]
deterministic = {deterministic}
max-examples = {examples}

[phases.stateful]
max-steps = 10
generation.max-examples = {chains}
# only links that the document has
inference.algorithms = []

[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 501]
positive_data_acceptance.enabled = false
"""


@dataclass
class Conformance:
    """What came of a run: its exit status, 0 when every answer was as promised, and what it printed.

    `answers` counts (method, path, status) of chains of requests, `followed` (operation, status, link) that led on.
    """

    status: int
    output: str
    answers: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    followed: Counter[tuple[str, str, str]] = field(default_factory=Counter)


@dataclass(frozen=True)
class Long:
    """Fuzz for so long, with a seed, instead of doing the same at every run."""

    seed: int
    seconds: int


def run(
    url: str, folder: Path, *, examples: int, chains: int, long: Long | None = None, limit_s: float | None = None
) -> Conformance:
    """Try every operation with so many `examples`, then so many `chains` of operations that links connect; again and
    again if it is `long`. Raises subprocess.TimeoutExpired after `limit_s`.
    """
    config, events = folder / "schemathesis.toml", folder / "events.ndjson"
    deterministic = "true" if long is None else "false"
    config.write_text(_CONFIG.format(deterministic=deterministic, examples=examples, chains=chains))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", f"{url}/openapi.json"),
            *("--no-color", "--continue-on-failure", "--generation-database", "none"),
            *("--report", "ndjson", "--report-ndjson-path", str(events)),
            *(() if long is None else ("--seed", str(long.seed), "--max-time", str(long.seconds))),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=limit_s,
    )
    found = Conformance(done.returncode, done.stdout + done.stderr)
    for recorded in _chains(events):
        for name, exchange in recorded.get("interactions", {}).items():
            case = recorded["cases"][name]
            answered = (exchange.get("response") or {}).get("status_code", 0)
            found.answers[case["value"]["method"], case["value"]["path"], answered] += 1
            if case["is_transition_applied"]:
                found.followed[_link(case["transition"]["id"])] += 1
    return found


def _link(transition: str) -> tuple[str, str, str]:
    """The parts of `POST /api/images -> [201] submit -> POST /api/jobs`: operation, status, name."""
    operation, named, _ = transition.split(" -> ")
    status, _, name = named.removeprefix("[").partition("] ")
    return operation, status, name


def _chains(events: Path) -> Iterator[dict[str, Any]]:
    with events.open() as lines:
        for line in lines:
            ((kind, event),) = json.loads(line).items()
            if kind == "ScenarioFinished" and event["phase"] == "stateful":
                yield event["recorder"]


def small_gallery(folder: Path) -> Path:
    """A gallery of one content and one style."""
    folder.mkdir()
    entry = {"title": "T", "author": "A", "licence": "CC0-1.0", "source": "here"}
    listing = {}
    for kind, colour in (("content", (1, 2, 3)), ("style", (4, 5, 6))):
        (folder / f"{kind}.png").write_bytes(image_bytes(colour))
        listing[kind] = [{"file": f"{kind}.png", **entry}]
    (folder / "gallery.json").write_text(json.dumps(listing))
    return folder

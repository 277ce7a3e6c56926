"""`duostyle watch` on a real server, and how what a server says is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from duostyle.cli import main as cli
from duostyle.cli.progress import Reporter
from duostyle.cli.remote import relay, step_of
from duostyle.client import Client
from duostyle.imaging import decode as images
from tests.support.fake_engine import image_bytes
from tests.support.real_server.running import Running

pytestmark = pytest.mark.real_server
Capture = pytest.CaptureFixture[str]


def test_watch_follows_and_saves_frames(running: Running, folder: Path, capsys: Capture) -> None:
    client = Client(running.url)
    image = client.upload(image_bytes())
    job = client.submit(image, [image], {"iterations": 40}).job
    assert cli.main(["watch", job, "--server", running.url, "--frames", "frames", "--progress", "json"]) == 0
    end = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (end["type"], end["evaluations"], end["output"], end["width"]) == ("completed", 40, None, 8)
    frames = sorted(path.name for path in (folder / "frames").iterdir())
    assert frames[-1] == "000040.jpg"
    assert abs(images.decode((folder / "frames" / "000040.jpg").read_bytes()).rgb[0] - 40) <= 2
    # the link that shows a job names its server too
    assert cli.main(["watch", f"{running.url}/?job={job}"]) == 0
    assert "completed: 8x6, 40 evaluations" in capsys.readouterr().err
    assert not list(folder.glob("*.jpg"))


def test_watching_nobody_is_one_line(running: Running, folder: Path, capsys: Capture) -> None:
    assert cli.main(["watch", "nobody", "--server", running.url]) == 2
    assert capsys.readouterr().err == "duostyle: no such job\n"


@pytest.mark.parametrize("held", [{"type": "queued"}, {"type": "state", "status": "queued"}])
def test_why_a_queued_job_cannot_be_painted_is_told(held: dict[str, Any]) -> None:
    notes: list[str] = []

    class Notes(Reporter):
        def note(self, text: str) -> None:
            notes.append(text)

    problem = {"code": "weights_unavailable", "message": "the weights are damaged"}
    place = {"type": "queued", "job": "j", "position": 1, "eta_s": None}
    failed = {"type": "failed", "job": "j", "error": {"code": "weights_unavailable", "message": "the text of an end"}}
    assert relay(iter([place, {**place, **held, "error": problem}, failed]), Notes()) is failed
    assert notes == [
        "job j is waiting at position 1",
        "job j waits for the server's operator: the weights are damaged",
    ]


def test_a_step_over_the_wire_is_a_step() -> None:
    costs: dict[str, Any] = {"total": 3.0, "content": 1.0, "style": [1.5, None], "tv": 0.5}
    numbers = {"step": 3, "total_steps": 9, "level": 2, "width": 8, "height": 6, "costs": costs}
    step = step_of({**numbers, "step_s": 0.1, "elapsed_s": 0.3, "eta_s": None}, levels=3)
    assert (step.step, step.level, step.levels, step.costs.style[0]) == (3, 2, 3, 1.5)
    assert step.eta_s != step.eta_s
    assert step.costs.style[1] != step.costs.style[1]
    with pytest.raises(RuntimeError):
        step.picture()

"""The doctor: what it measures and what it calls wrong."""

from __future__ import annotations

import json
import platform
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from duostyle.cli.doctor import ITERATIONS, SIDE_PX, describe, examine, made_up_picture, measure
from duostyle.engine.api import Step
from duostyle.errors import WeightsError
from duostyle.settings import Settings
from duostyle.storage.store import Store
from tests.support.fake_engine import FakeEngine, FakePainter


def settings_in(folder: Path, **values: object) -> Settings:
    return Settings(**{"data_dir": folder, "port": 0, **values})  # type: ignore[arg-type]


def test_all_is_well(tmp_path: Path) -> None:
    facts = examine(settings_in(tmp_path, threads=3), FakeEngine(), weights_hash=lambda name: "abc")
    assert facts["problems"] == []
    assert (facts["device"], facts["threads"]) == ("fake", 3)
    assert facts["weights"] == {"name": "vgg16", "sha256": "abc"}
    assert facts["versions"]["python"] == platform.python_version()
    assert facts["limits"]["max_size_px"] == 3072
    assert json.loads(json.dumps(facts)) == facts
    assert describe(facts).splitlines()[-1] == "result       all is well"


def test_the_speed_is_the_quickest_step_at_the_full_size(monkeypatch: pytest.MonkeyPatch) -> None:
    # (px, seconds): smaller sizes do not count, nor does the slow first step at 100x100 px = 0.01 megapixels
    script = [(50, 0.01), (50, 0.01), (50, 0.01), (100, 9.0), (100, 0.5), (100, 0.6), (100, 0.7), (100, 0.8)]
    real_run = FakePainter.run

    def run(self: FakePainter, on_step: Callable[[Step], None]) -> bool:
        def scripted(step: Step) -> None:
            side, seconds = script[step.step - 1]
            fields = {name: getattr(step, name) for name in Step.__slots__}
            on_step(Step(**{**fields, "width": side, "height": side, "step_s": seconds}))

        return real_run(self, scripted)

    monkeypatch.setattr(FakePainter, "run", run)
    engine = FakeEngine()
    assert measure(engine) == pytest.approx(50)
    assert len(script) == ITERATIONS
    request = engine.painters[0].request
    assert (request.content.width, request.params.size, request.params.iterations) == (SIDE_PX, SIDE_PX, ITERATIONS)


def test_the_made_up_pictures_differ_and_have_colours() -> None:
    first, second = made_up_picture(3), made_up_picture(11)
    assert first != second
    assert first.rgb[0::3] != first.rgb[1::3] != first.rgb[2::3]


def test_damaged_weights_are_a_problem(tmp_path: Path) -> None:
    def damaged(name: str) -> str:
        raise WeightsError("the feature weights are damaged")

    facts = examine(settings_in(tmp_path), FakeEngine(), weights_hash=damaged)
    assert facts["problems"] == ["engine: the feature weights are damaged"]
    assert facts["seconds_per_megapixel_evaluation"] is None
    assert "PROBLEM      engine: the feature weights are damaged" in describe(facts)


def test_an_engine_that_breaks_is_a_problem(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.fail_at = 2
    facts = examine(settings_in(tmp_path), engine, weights_hash=lambda name: "abc")
    assert facts["problems"] == ["engine: RuntimeError: the fake engine fails as requested"]


def test_a_data_folder_that_does_not_exist_yet_is_fine_and_not_made(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    facts = examine(settings_in(folder), FakeEngine(), weights_hash=lambda name: "abc")
    assert facts["problems"] == []
    assert not folder.parent.exists()


def test_a_data_folder_that_is_a_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    facts = examine(settings_in(tmp_path / "data"), FakeEngine(), weights_hash=lambda name: "abc")
    assert facts["problems"] == [
        f"the data folder {tmp_path / 'data'} cannot be used: {tmp_path / 'data'} is not a folder"
    ]


async def test_a_folder_in_use_is_a_problem(tmp_path: Path) -> None:
    store = Store(tmp_path)
    await store.open()
    facts = examine(settings_in(tmp_path), FakeEngine(), weights_hash=lambda name: "abc")
    await store.close()
    assert facts["problems"] == [f"the data folder {tmp_path} is in use by another server"]


def test_a_port_that_is_taken_is_a_problem(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        facts = examine(settings_in(tmp_path, port=port), FakeEngine(), weights_hash=lambda name: "abc")
    assert facts["problems"] == [f"cannot listen on 127.0.0.1 port {port}: Address already in use"]


def test_an_open_address_without_a_token_is_a_problem(tmp_path: Path) -> None:
    facts = examine(settings_in(tmp_path, host="0.0.0.0"), FakeEngine(), weights_hash=lambda name: "abc")  # noqa: S104
    (problem,) = facts["problems"]
    assert "set a token" in problem


def test_files_of_the_package_that_are_missing_are_problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duostyle.web.gallery.shipped", lambda: tmp_path)
    monkeypatch.setattr("duostyle.web.static_files.folder", lambda: tmp_path)
    facts = examine(settings_in(tmp_path), FakeEngine(), weights_hash=lambda name: "abc")
    assert facts["problems"] == [
        f"the page's files are missing ({tmp_path / 'index.html'}); install duostyle again",
        "the gallery is missing; install duostyle again",
    ]


def test_what_can_be_done_without_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duostyle.cli.doctor.has_mp4", lambda: False)
    facts = examine(settings_in(tmp_path), FakeEngine(), weights_hash=lambda name: "abc")
    assert facts["problems"] == []
    assert "note         PyAV is not installed" in describe(facts)


def test_a_missing_package_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duostyle.cli.doctor.PACKAGES", ("no-such-package-anywhere",))
    facts = examine(settings_in(tmp_path), FakeEngine(), weights_hash=lambda name: "abc")
    assert facts["problems"] == ["the package no-such-package-anywhere is not installed"]
    assert facts["versions"]["no-such-package-anywhere"] is None


@pytest.mark.weights
def test_the_shipped_weights_are_found(tmp_path: Path) -> None:
    facts = examine(settings_in(tmp_path), FakeEngine())
    assert facts["problems"] == []
    assert facts["weights"]["sha256"].startswith("775e55ccebcd")

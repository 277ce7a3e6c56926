"""scripts/setup-venv with a stand-in for Python: what it installs, when, and what it says when it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.set_up import CPU, FIRST_TIME, PYPROJECT, PYTHON, Checkout, make_checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return make_checkout(tmp_path)


def test_the_first_time_makes_and_installs_the_second_does_nothing(checkout: Checkout) -> None:
    assert checkout.run("setup-venv").returncode == 0
    assert checkout.log() == FIRST_TIME
    again = checkout.run("setup-venv")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert checkout.log() == []


def test_dev_is_installed_besides_and_counts_for_both(checkout: Checkout) -> None:
    checkout.run("setup-venv")
    checkout.log()
    assert checkout.run("setup-venv", "dev").returncode == 0
    assert checkout.log() == ["pip ROOT[dev]"]
    checkout.run("setup-venv")
    checkout.run("setup-venv", "dev")
    assert checkout.log() == []


def test_a_changed_pyproject_installs_again(checkout: Checkout) -> None:
    checkout.run("setup-venv")
    checkout.log()
    (checkout.root / "pyproject.toml").write_text(PYPROJECT + "name = 'x'\n")
    checkout.run("setup-venv")
    assert checkout.log() == ["pip ROOT"]


def test_a_moved_checkout_installs_again(checkout: Checkout, tmp_path: Path) -> None:
    checkout.run("setup-venv")
    checkout.log()
    checkout.root = checkout.root.rename(tmp_path / "elsewhere")
    checkout.run("setup-venv")
    assert checkout.log() == ["pip ROOT"]


def test_a_failed_installation_is_tried_again(checkout: Checkout) -> None:
    checkout.let("no-network")
    failed = checkout.run("setup-venv")
    assert failed.returncode == 1
    assert "the installation failed" in failed.stderr
    assert checkout.log() == ["venv ROOT/.venv", f"asked {CPU}", "pip ROOT"]
    checkout.let("no-network", happen=False)
    assert checkout.run("setup-venv").returncode == 0
    assert checkout.log() == FIRST_TIME[1:]


def test_a_half_made_venv_is_made_again(checkout: Checkout) -> None:
    (checkout.root / ".venv" / "bin").mkdir(parents=True)
    (checkout.root / ".venv" / "bin" / "python").symlink_to("/nonexistent/python")
    assert checkout.run("setup-venv").returncode == 0
    assert checkout.log() == FIRST_TIME


def test_a_venv_without_pip_gets_it(checkout: Checkout) -> None:
    checkout.run("setup-venv")
    checkout.log()
    (checkout.root / ".venv" / "bin" / "duostyle").unlink()
    checkout.let("no-pip")
    assert checkout.run("setup-venv").returncode == 0
    assert checkout.log() == ["ensurepip", "pip ROOT"]


@pytest.mark.parametrize(
    ("lack", "message"),
    [("old", "needs Python 3.11, 3.12 or 3.13"), ("no-venv", "has no venv module")],
)
def test_what_is_missing_is_said_in_one_line(checkout: Checkout, lack: str, message: str) -> None:
    checkout.let(lack)
    failed = checkout.run("setup-venv")
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr.startswith("duostyle: ")
    assert message in failed.stderr
    assert failed.stderr.count("\n") == 1
    assert checkout.log() == []


def test_a_name_that_does_not_run_is_passed_over(checkout: Checkout) -> None:
    (checkout.stand_in / "python3.13").write_text("#!/bin/sh\nexit 127\n")
    (checkout.stand_in / "python3.12").write_text(
        PYTHON.replace("ensurepip,*)", 'ensurepip,*) echo 3.12 >>"$STAND_IN/log";')
    )
    assert checkout.run("setup-venv").returncode == 0
    assert checkout.log()[0] == "3.12"


def test_serve_sets_up_and_hands_its_options_on_from_anywhere(checkout: Checkout, tmp_path: Path) -> None:
    done = checkout.run("serve", "--port", "0", "--data-dir", "two words", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout == "duostyle serve --port 0 --data-dir two words\n"
    assert checkout.log() == FIRST_TIME


def test_serve_stops_when_the_set_up_fails(checkout: Checkout) -> None:
    checkout.let("old")
    done = checkout.run("serve")
    assert done.returncode == 1
    assert done.stdout == ""

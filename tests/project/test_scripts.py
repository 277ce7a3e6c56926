"""scripts/setup-venv with a stand-in for Python: what it installs, when, and what it says when it cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("python3.13", "python3.12", "python3.11", "python3")
# answers the questions that setup-venv asks a Python, and writes down what it is told to install
PYTHON = """#!/bin/sh
case "$*" in
*version_info*) test ! -e "$STAND_IN/old" ;;
*ensurepip,*) test ! -e "$STAND_IN/no-venv" ;;
"-m venv --clear "*) echo "venv $4" >>"$STAND_IN/log"; rm -rf "$4"; mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
"-c import pip") test ! -e "$STAND_IN/no-pip" ;;
"-m ensurepip "*) echo ensurepip >>"$STAND_IN/log" ;;
"-m pip install "*)
    echo "pip $6" >>"$STAND_IN/log"
    test ! -e "$STAND_IN/no-network" || exit 1
    printf '#!/bin/sh\\necho duostyle "$@"\\n' >"$(dirname "$0")/duostyle"
    chmod +x "$(dirname "$0")/duostyle" ;;
esac
"""


@dataclass
class Checkout:
    root: Path
    stand_in: Path

    def run(self, script: str, *argv: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": f"{self.stand_in}:{os.environ['PATH']}", "STAND_IN": str(self.stand_in)}
        command = [str(self.root / "scripts" / script), *argv]
        return subprocess.run(
            command, cwd=cwd or self.root, env=environment, capture_output=True, text=True, timeout=60
        )

    def log(self) -> list[str]:
        """What was done since the last call."""
        path = self.stand_in / "log"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [line.replace(str(self.root), "ROOT") for line in lines]

    def let(self, name: str, happen: bool = True) -> None:
        path = self.stand_in / name
        path.touch() if happen else path.unlink()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    root, stand_in = tmp_path / "a checkout with spaces", tmp_path / "bin"
    (root / "scripts").mkdir(parents=True)
    stand_in.mkdir()
    for name in ("setup-venv", "serve"):
        shutil.copy(ROOT / "scripts" / name, root / "scripts" / name)
    (root / "pyproject.toml").write_text("[project]\n")
    for name in NAMES:
        (stand_in / name).write_text(PYTHON)
        (stand_in / name).chmod(0o755)
    return Checkout(root, stand_in)


def test_the_first_time_makes_and_installs_the_second_does_nothing(checkout: Checkout) -> None:
    assert checkout.run("setup-venv").returncode == 0
    assert checkout.log() == ["venv ROOT/.venv", "pip ROOT"]
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
    (checkout.root / "pyproject.toml").write_text("[project]\nname = 'x'\n")
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
    checkout.let("no-network", happen=False)
    checkout.log()
    assert checkout.run("setup-venv").returncode == 0
    assert checkout.log() == ["pip ROOT"]


def test_a_half_made_venv_is_made_again(checkout: Checkout) -> None:
    (checkout.root / ".venv" / "bin").mkdir(parents=True)
    (checkout.root / ".venv" / "bin" / "python").symlink_to("/nonexistent/python")
    assert checkout.run("setup-venv").returncode == 0
    assert checkout.log() == ["venv ROOT/.venv", "pip ROOT"]


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
    assert checkout.log() == ["venv ROOT/.venv", "pip ROOT"]


def test_serve_stops_when_the_set_up_fails(checkout: Checkout) -> None:
    checkout.let("old")
    done = checkout.run("serve")
    assert done.returncode == 1
    assert done.stdout == ""

"""A checkout with the real scripts setup-venv and serve, before stand-ins for Python, pip and the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("python3.13", "python3.12", "python3.11", "python3")
# answers the questions that setup-venv asks a Python, and writes down what it is told to install
PYTHON = rf"""#!/bin/sh
case "$*" in
*version_info*)
    test ! -e "$STAND_IN/old" || exit 1
    test ! -e "$STAND_IN/needs" || {{ cat "$STAND_IN/needs"; exit 3; }} ;;
*ensurepip,*) test ! -e "$STAND_IN/no-venv" ;;
"-m venv --clear "*) echo "venv $4" >>"$STAND_IN/log"; rm -rf "$4"; mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
"-c import pip") test ! -e "$STAND_IN/no-pip" ;;
"-m ensurepip "*) echo ensurepip >>"$STAND_IN/log" ;;
--version) echo Python 3.12.0 ;;
"-m pip --isolated install "*) test -e "$STAND_IN/torch" ;;
"-m pip config list") cat "$STAND_IN/pip-config" ;;
*urlopen*https://download.pytorch.org/*) echo "asked $3" >>"$STAND_IN/log"; test ! -e "$STAND_IN/no-network" ;;
*urlopen*) exec '{sys.executable}' "$@" ;;
"-m pip install "*" --index-url "*)
    test "$PIP_EXTRA_INDEX_URL" = "$7" || echo "and from $PIP_EXTRA_INDEX_URL" >>"$STAND_IN/log"
    echo "torch from $7: $8 $9" >>"$STAND_IN/log"
    test ! -e "$STAND_IN/no-torch" || exit 1
    touch "$STAND_IN/torch" ;;
"-m pip install "*)
    echo "pip $6" >>"$STAND_IN/log"
    test ! -e "$STAND_IN/no-network" || exit 1
    touch "$STAND_IN/torch"
    printf '#!/bin/sh\necho duostyle "$@"\n' >"$(dirname "$0")/duostyle"
    chmod +x "$(dirname "$0")/duostyle" ;;
*) echo "what is $*?" >>"$STAND_IN/log"; exit 1 ;;
esac
"""
# a Linux on x86 without a GPU, unless a file says something else
UNAME = '#!/bin/sh\ncat "$STAND_IN/uname$1"\n'
NVIDIA_SMI = '#!/bin/sh\ntest -e "$STAND_IN/gpu" && echo "GPU 0: NVIDIA A100 (UUID: GPU-1)"\n'
LS = '#!/bin/sh\ntest "$*" = /proc/driver/nvidia/gpus || exit 1\ntest ! -e "$STAND_IN/driver" || echo 0000:01:00.0\n'
SYSCTL = '#!/bin/sh\ntest "$*" = "-n hw.optional.arm64" && cat "$STAND_IN/apple"\n'
PYPROJECT = """[project]
dependencies = [
    "torch>=2.9",
    "torchvision>=0.24",
    "tqdm>=4.67",
]
"""
CPU = "https://download.pytorch.org/whl/cpu"
FIRST_TIME = ["venv ROOT/.venv", f"asked {CPU}", f"torch from {CPU}: torch>=2.9 torchvision>=0.24", "pip ROOT"]


@dataclass
class Checkout:
    root: Path
    stand_in: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, script: str, *argv: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": f"{self.stand_in}:{os.environ['PATH']}", "STAND_IN": str(self.stand_in)}
        command = [str(self.root / "scripts" / script), *argv]
        return subprocess.run(
            command,
            cwd=cwd or self.root,
            env=environment | self.environment,
            capture_output=True,
            text=True,
            timeout=60,
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

    def be(self, system: str, machine: str) -> None:
        (self.stand_in / "uname-s").write_text(system + "\n")
        (self.stand_in / "uname-m").write_text(machine + "\n")


def make_checkout(folder: Path) -> Checkout:
    """A Linux on x86 without a GPU, where nothing is set up."""
    root, stand_in = folder / "a checkout with spaces", folder / "bin"
    (root / "scripts").mkdir(parents=True)
    stand_in.mkdir()
    for name in ("setup-venv", "serve"):
        shutil.copy(ROOT / "scripts" / name, root / "scripts" / name)
    (root / "pyproject.toml").write_text(PYPROJECT)
    programs = dict.fromkeys(NAMES, PYTHON) | {"uname": UNAME, "nvidia-smi": NVIDIA_SMI, "ls": LS, "sysctl": SYSCTL}
    for name, text in programs.items():
        (stand_in / name).write_text(text)
        (stand_in / name).chmod(0o755)
    checkout = Checkout(root, stand_in)
    checkout.be("Linux", "x86_64")
    checkout.let("pip-config")
    return checkout

"""scripts/setup-venv with a stand-in for Python: where PyTorch comes from, and who is told that there is none."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.support.set_up import CPU, FIRST_TIME, PYPROJECT, ROOT, Checkout, make_checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return make_checkout(tmp_path)


def said_of_torch(done: subprocess.CompletedProcess[str]) -> str:
    """The one line about where PyTorch comes from."""
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stderr.splitlines() if "PyTorch comes from" in line)
    return line


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_without_a_gpu_torch_comes_from_the_cpu_index_first(checkout: Checkout, machine: str) -> None:
    checkout.be("Linux", machine)
    assert said_of_torch(checkout.run("setup-venv")).startswith(f"duostyle: PyTorch comes from {CPU}, without CUDA")
    assert checkout.log() == FIRST_TIME


@pytest.mark.parametrize("sign", ["gpu", "driver"])
def test_with_an_nvidia_gpu_torch_comes_with_cuda(checkout: Checkout, sign: str) -> None:
    checkout.let(sign)
    line = said_of_torch(checkout.run("setup-venv"))
    assert line == "duostyle: PyTorch comes from pip's own index, with CUDA, for the NVIDIA GPU of this machine"
    assert checkout.log() == ["venv ROOT/.venv", "pip ROOT"]


@pytest.mark.parametrize("machine", ["arm64", "x86_64"])
def test_a_mac_with_apple_silicon_takes_the_plain_index_also_under_rosetta(checkout: Checkout, machine: str) -> None:
    checkout.be("Darwin", machine)
    (checkout.stand_in / "apple").write_text("1\n")
    assert "pip's own index" in said_of_torch(checkout.run("setup-venv"))
    assert checkout.log() == ["venv ROOT/.venv", "pip ROOT"]


@pytest.mark.parametrize(
    "setting",
    ["global.index-url='https://mirror.example/simple'", ":env:.index-url='https://m:pw@x/'", "global.no-index='true'"],
)
def test_an_index_of_ones_own_is_the_only_one(checkout: Checkout, setting: str) -> None:
    (checkout.stand_in / "pip-config").write_text(f"global.timeout='5'\n{setting}\n")
    done = checkout.run("setup-venv")
    assert "the index that pip is set to" in said_of_torch(done)
    assert f"TORCH_INDEX={CPU}" in said_of_torch(done)
    assert "pw" not in done.stderr
    assert checkout.log() == ["venv ROOT/.venv", "pip ROOT"]


@pytest.mark.parametrize(
    "setting",
    [
        "global.index-url='https://pypi.org/simple/'",
        "global.extra-index-url='https://more.example/simple'",
        "global.no-index='false'",
        "download.index-url='https://mirror.example/simple'",
    ],
)
def test_other_settings_of_pip_do_not_matter(checkout: Checkout, setting: str) -> None:
    (checkout.stand_in / "pip-config").write_text(f"{setting}\n")
    assert CPU in said_of_torch(checkout.run("setup-venv"))
    assert checkout.log() == FIRST_TIME


def test_an_index_that_lacks_what_is_needed_is_left_out(checkout: Checkout) -> None:
    checkout.let("no-torch")
    done = checkout.run("setup-venv")
    assert done.returncode == 0
    assert f"could not be installed from {CPU}, so it comes from pip's own index" in done.stderr
    assert checkout.log() == FIRST_TIME


def test_a_torch_that_is_there_is_kept_and_no_index_asked(checkout: Checkout) -> None:
    checkout.run("setup-venv")
    checkout.log()
    checkout.let("no-network")
    (checkout.root / "pyproject.toml").write_text(PYPROJECT + "name = 'x'\n")
    done = checkout.run("setup-venv")
    assert checkout.log() == ["pip ROOT"]
    assert "PyTorch comes" not in done.stderr


def test_torch_index_chooses_by_hand(checkout: Checkout) -> None:
    checkout.let("gpu")
    checkout.environment["TORCH_INDEX"] = CPU
    assert said_of_torch(checkout.run("setup-venv")) == f"duostyle: PyTorch comes from {CPU}, as TORCH_INDEX says"
    assert checkout.log() == FIRST_TIME


def test_an_empty_torch_index_is_the_plain_index(checkout: Checkout) -> None:
    checkout.environment["TORCH_INDEX"] = ""
    line = said_of_torch(checkout.run("setup-venv"))
    assert line == "duostyle: PyTorch comes from pip's own index, as TORCH_INDEX says"
    assert checkout.log() == ["venv ROOT/.venv", "pip ROOT"]


@contextmanager
def index_that_says(status: int) -> Iterator[tuple[str, list[str]]]:
    """The address of an index that gives every request this answer, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}/whl", asked
        finally:
            server.shutdown()
            thread.join(10)


@pytest.mark.parametrize(("status", "is_used"), [(200, True), (401, True), (404, False), (503, False)])
def test_an_index_is_asked_once_before_it_is_used(checkout: Checkout, status: int, is_used: bool) -> None:
    with index_that_says(status) as (address, asked):
        checkout.environment["TORCH_INDEX"] = f"http://ann:secret@{address}"
        done = checkout.run("setup-venv")
    assert asked == ["/whl/torch/"]
    # pip needs the password, nobody else
    torch = [f"torch from http://ann:secret@{address}: torch>=2.9 torchvision>=0.24"]
    assert checkout.log() == ["venv ROOT/.venv", *(torch if is_used else []), "pip ROOT"]
    assert f"http://{address}" in said_of_torch(done)
    assert ("did not answer" in said_of_torch(done)) is not is_used
    assert "secret" not in done.stderr


def test_an_index_that_does_not_answer_in_time_is_left_out(checkout: Checkout) -> None:
    script = checkout.root / "scripts" / "setup-venv"
    text = script.read_text()
    assert "\nindex_patience_s=5\n" in text
    script.write_text(text.replace("index_patience_s=5", "index_patience_s=0.2"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/whl"
        checkout.environment["TORCH_INDEX"] = address
        line = said_of_torch(checkout.run("setup-venv"))
    assert f"pip's own index, on Linux with CUDA libraries, because {address} did not answer as an index within" in line
    assert checkout.log() == ["venv ROOT/.venv", "pip ROOT"]


@pytest.mark.parametrize(
    ("system", "machine", "words"),
    [
        ("Darwin", "x86_64", ("Intel", "docker compose up cpu")),
        ("Linux", "i686", ("32-bit", "64-bit Linux")),
        ("Linux", "armv7l", ("32-bit", "64-bit Linux")),
        ("Linux", "riscv64", ("Linux on riscv64", "64-bit Linux")),
        ("Linux", "ppc64le", ("Linux on ppc64le", "64-bit Linux")),
        ("FreeBSD", "amd64", ("FreeBSD on amd64", "64-bit Linux")),
        ("MINGW64_NT-10.0", "x86_64", ("Windows", "WSL")),
    ],
)
@pytest.mark.parametrize("script", ["setup-venv", "serve"])
def test_a_machine_that_torch_has_no_build_for_is_told_first(
    checkout: Checkout, script: str, system: str, machine: str, words: tuple[str, ...]
) -> None:
    checkout.be(system, machine)
    (checkout.stand_in / "apple").write_text("0\n")
    failed = checkout.run(script)
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr.startswith("duostyle: PyTorch has no build for this machine")
    assert failed.stderr.count("\n") == 1
    assert all(word in failed.stderr for word in words)
    assert checkout.log() == []
    assert not (checkout.root / ".venv").exists()


def test_a_torch_of_ones_own_build_serves_on_any_machine(checkout: Checkout) -> None:
    checkout.run("setup-venv")
    (checkout.root / ".venv" / "bin" / "duostyle").unlink()
    checkout.log()
    checkout.be("Linux", "riscv64")
    assert checkout.run("setup-venv").returncode == 0
    assert checkout.log() == ["pip ROOT"]


def test_a_python_that_torch_has_no_build_for_is_told_first(checkout: Checkout) -> None:
    (checkout.stand_in / "needs").write_text("a 64-bit one\n")
    failed = checkout.run("serve")
    assert failed.returncode == 1
    assert failed.stderr == (
        "duostyle: PyTorch has no build for this Python: it needs a 64-bit one (PYTHON=/path/to/python chooses one)\n"
    )
    assert checkout.log() == []


@pytest.mark.parametrize(
    ("change", "status", "answer"),
    [
        ("pass", 0, ""),
        ("sys.version_info = (3, 10, 0)", 1, ""),
        ("sys.version_info = (3, 14, 0)", 1, ""),
        ("sys.maxsize = 2**31 - 1", 3, "a 64-bit one"),
        ("sys.platform = 'darwin'; platform.machine = lambda: 'arm64'", 0, ""),
        (
            "sys.platform = 'darwin'; platform.machine = lambda: 'x86_64'",
            3,
            "one for Apple silicon, run without Rosetta",
        ),
        ("sys.platform = 'linux'; os.confstr = lambda name: 'glibc 2.28'", 0, ""),
        (
            "sys.platform = 'linux'; os.confstr = lambda name: 'glibc 2.27'",
            3,
            "a newer Linux, with glibc 2.28 or later",
        ),
        # what musl does: it knows no such name
        ("sys.platform = 'linux'; os.confstr = lambda name: int(name)", 3, "a Linux with glibc, such as Debian"),
    ],
)
def test_a_python_knows_whether_torch_has_a_build_for_it(change: str, status: int, answer: str) -> None:
    script = (ROOT / "scripts" / "setup-venv").read_text()
    check = script.partition("\npython_check='")[2].partition("\n'\n")[0]
    done = subprocess.run(
        [sys.executable, "-c", f"import os, platform, sys\n{change}\n{check}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (status, "")
    assert done.stdout.startswith(answer)
    assert bool(done.stdout) is bool(answer)

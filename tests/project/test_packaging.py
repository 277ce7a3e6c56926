"""What a wheel must carry, and the credits that travel with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import resources
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_package_is_listed() -> None:
    source = ROOT / "server"
    found = {".".join(path.parent.relative_to(source).parts) for path in source.rglob("__init__.py")}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == found | {"duostyle.static"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel built from a copy of what a checkout holds."""
    pytest.importorskip("setuptools", minversion="77")
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("server", "static"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, copy)
    build = "from setuptools import build_meta; build_meta.build_wheel('dist')"
    subprocess.run([sys.executable, "-c", build], cwd=copy, check=True, capture_output=True, timeout=120)
    (built,) = (copy / "dist").iterdir()
    return zipfile.ZipFile(built)


def test_a_wheel_holds_every_file_under_one_name(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    assert {name.partition("/")[0] for name in names} == {
        "duostyle",
        f"duostyle-{PROJECT['project']['version']}.dist-info",
    }
    wanted = {
        path.relative_to(folder.parent).as_posix()
        for folder in (ROOT / "server" / "duostyle", ROOT / "static")
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }
    assert "duostyle/py.typed" in wanted
    assert {name if name.startswith("duostyle/") else f"duostyle/{name}" for name in wanted} <= names


def test_an_installed_wheel_works_beside_a_foreign_server(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    installed, here = tmp_path / "installed", tmp_path / "here"
    wheel.extractall(installed)
    here.mkdir()
    (here / "server.py").write_text("raise RuntimeError('not our server')\n")
    script = (
        "import sys, duostyle.client\n"
        "from duostyle.client import AsyncClient, Client\n"
        "Client('http://127.0.0.1:1'), AsyncClient('http://127.0.0.1:1')\n"
        "print(duostyle.client.__file__, sorted({'server', 'torch', 'starlette'} & sys.modules.keys()))"
    )
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    for program, said in (
        (["-c", script], f"{installed / 'duostyle' / 'client' / '__init__.py'} []"),
        (["-m", "duostyle", "--version"], "duostyle "),
    ):
        done = subprocess.run(
            [sys.executable, *program], cwd=here, env=environment, capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(said)


@pytest.mark.parametrize("folder", ["weights", "gallery"])
def test_the_data_is_found_as_package_data(folder: str) -> None:
    packed = {path.name for path in resources.files("duostyle.data").joinpath(folder).iterdir()}
    assert packed == {path.name for path in (ROOT / "server" / "duostyle" / "data" / folder).iterdir()}


def test_the_notice_credits_every_photograph() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    listing = json.loads(
        (ROOT / "server" / "duostyle" / "data" / "gallery" / "gallery.json").read_text(encoding="utf-8")
    )
    for entry in listing["content"]:
        for words in (entry["file"], entry["title"], entry["author"]):
            assert words in notice
    assert "Visual Geometry Group" in notice
    assert "creativecommons.org/licenses/by/4.0" in notice


def test_the_licence_is_the_whole_text() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.parametrize("name", ["serve", "test", "lint", "setup-venv", "../.ci/run"])
def test_the_scripts_can_be_run(name: str) -> None:
    script = ROOT / "scripts" / name
    assert script.stat().st_mode & 0o111
    assert subprocess.run(["bash", "-n", str(script)], capture_output=True, timeout=60).returncode == 0


def test_the_image_copies_what_the_ignore_file_lets_through() -> None:
    copied = {
        word
        for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    allowed = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)

"""What a wheel must carry, and the credits that travel with it."""

from __future__ import annotations

import json
import subprocess
import tomllib
from importlib import resources
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_package_is_listed() -> None:
    source = ROOT / "server"
    found = {".".join(path.parent.relative_to(source).parts) for path in source.rglob("__init__.py")}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == found | {"duostyle.static"}


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

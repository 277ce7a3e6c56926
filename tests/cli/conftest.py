"""Pictures as files for the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fake_engine import image_bytes


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with content.png, 16 x 12 red, and a.png and b.png as styles."""
    for name, color in (("content", (200, 40, 10)), ("a", (0, 200, 0)), ("b", (0, 0, 200))):
        (tmp_path / f"{name}.png").write_bytes(image_bytes(color))
    return tmp_path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with content.png, style.png and mask.png."""
    for name in ("content", "style", "mask"):
        (tmp_path / f"{name}.png").write_bytes(image_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path

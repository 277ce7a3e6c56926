"""A file is there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from duostyle.storage.files import write_atomically


def test_writing_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "out.png"
    target.write_bytes(b"older")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(target, b"newer")
    assert target.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [target]


def test_writing_replaces_and_keeps_the_umask(tmp_path: Path) -> None:
    target = tmp_path / "out.png"
    umask = os.umask(0o027)
    try:
        write_atomically(target, b"one")
        write_atomically(target, b"two")
    finally:
        os.umask(umask)
    assert target.read_bytes() == b"two"
    assert target.stat().st_mode & 0o777 == 0o640

"""The page's scripts without a browser: their own tests, run by node, and their types, checked by tsc."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TSC = ROOT / "node_modules" / ".bin" / "tsc"


def missing(what: str) -> str:
    """Skip, or fail where the page must be checked."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}, and CI must check the page's scripts")
    pytest.skip(what)


def node() -> str:
    return shutil.which("node") or missing("node is not installed")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)


def test_the_parts_without_a_document_give_the_right_answers() -> None:
    tests = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests" / "js").rglob("*.test.js"))
    assert tests
    done = run(node(), "--test", "--test-reporter=tap", *tests)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# fail 0" in done.stdout


def test_the_types_hold() -> None:
    if not TSC.exists():
        missing("tsc is not installed (scripts/setup-node)")
    done = run(node(), str(TSC), "--project", "tsconfig.json")
    assert done.returncode == 0, done.stdout + done.stderr
    # a pattern that matches no file would check nothing
    listed = run(node(), str(TSC), "--project", "tsconfig.json", "--listFilesOnly").stdout
    for path in (ROOT / "static" / "js").rglob("*.js"):
        assert str(path) in listed

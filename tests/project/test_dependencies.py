"""docs/dependencies.md gives a reason for each dependency, and for nothing else."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def names(requirements: list[str]) -> list[str]:
    return sorted(re.split(r"[^A-Za-z0-9._-]", requirement)[0] for requirement in requirements)


def test_each_dependency_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    run, choice, develop = re.split("## By choice|## To develop", text)
    row = re.compile(r"^\| `([^`]+)` \| \S.{9,} \|$", re.MULTILINE)
    assert sorted(row.findall(run)) == names(project["dependencies"])
    assert sorted(row.findall(choice)) == names(project["optional-dependencies"]["video"])
    assert sorted(row.findall(develop)) == names(project["optional-dependencies"]["dev"])

"""The documents stay true: links lead somewhere, every module is in the architecture, every command exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from duostyle.cli.main import make_parser
from duostyle.params import StyleParams

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8"))
    broken = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert broken == []


def test_the_architecture_names_every_package() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    tree = re.findall(r"^ +([a-z]+)/ ", text, re.MULTILINE)
    packages = {path.parent.name for path in (ROOT / "server").rglob("__init__.py")} - {"duostyle", "guard", "routes"}
    assert set(tree) == packages


def test_the_readme_shows_only_what_the_command_line_offers() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    options = {name.replace("_", "-") for name in StyleParams.model_fields} | {
        "style",
        "progress",
        "help",
        "server",
        "frames",
        "out-dir",
    }
    shown = set(re.findall(r"--([a-z][a-z-]+)", readme))
    assert shown
    assert shown <= options
    offered = make_parser().format_help()
    commands = set(re.findall(r"`?duostyle (serve|paint|doctor|submit|watch)\b", readme))
    assert commands
    assert all(command in offered for command in commands)


def test_the_example_is_at_most_thirty_lines() -> None:
    assert len((ROOT / "docs" / "examples" / "watch.py").read_text(encoding="utf-8").splitlines()) <= 30

"""The page's scripts import downwards only, without cycles, and stay small. Read from the source, nothing is run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "static" / "js"
# every import, lazy ones and those of types in comments included
IMPORT = re.compile(r"""(?:\bfrom|^import|\bimport\()\s*["']([^"']+)["']""", re.MULTILINE)
COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)

# From the ground up. A folder imports only from lines above its own; folders of one line do not know each other.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("lib",),
    ("net",),
    ("easel", "masks", "panels", "pictures", "settings"),
    ("page",),
    # the scripts that the two pages start with
    ("boot.js", "main.js", "status.js"),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def scripts() -> list[str]:
    return sorted(path.relative_to(SCRIPTS).as_posix() for path in SCRIPTS.rglob("*.js"))


def imported(text: str) -> list[str]:
    """The paths that a script imports, as they stand in it."""
    return IMPORT.findall(COMMENT.sub("", text))


def imports(script: str) -> set[str]:
    """The scripts that `script` imports, all as paths below static/js."""
    path = SCRIPTS / script
    targets = [(path.parent / target).resolve() for target in imported(path.read_text(encoding="utf-8"))]
    return {target.relative_to(SCRIPTS).as_posix() for target in targets}


def folder(script: str) -> str:
    """Its folder; a script of the top stands for itself."""
    return script.partition("/")[0]


@pytest.mark.parametrize("script", scripts())
def test_imports_go_down_only(script: str) -> None:
    here = folder(script)
    assert here in RANK, f"{here} has no layer yet: give it one"
    for other in imports(script):
        there = folder(other)
        assert there == here or RANK[there] < RANK[here], f"{script} imports {other}, which is not below it"


def test_there_is_no_cycle() -> None:
    graph = {script: imports(script) for script in scripts()}
    while graph:
        free = [script for script, needs in graph.items() if not needs & graph.keys()]
        assert free, f"a cycle among {sorted(graph)}"
        for script in free:
            del graph[script]


@pytest.mark.parametrize("path", sorted({path.parent for path in SCRIPTS.glob("*/*.js")}), ids=lambda path: path.name)
def test_a_folder_has_three_to_twelve_scripts(path: Path) -> None:
    assert 3 <= len(list(path.iterdir())) <= 12


@pytest.mark.parametrize(
    ("folders", "pattern", "most"),
    [(("static/js", "tests/js"), "*.js", 250), (("static/css",), "*.css", 300)],
    ids=["scripts", "style sheets"],
)
def test_every_file_is_short(folders: tuple[str, ...], pattern: str, most: int) -> None:
    paths = [path for name in folders for path in (ROOT / name).rglob(pattern)]
    lengths = {path.as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert lengths
    assert {name: length for name, length in lengths.items() if length > most} == {}


def test_the_rules_notice_every_kind_of_import() -> None:
    text = """
import "./a.js";
import { b } from "./b.js";
import {
  c,
} from '../c.js';
export { d } from "./d.js";
const e = await import("./e.js");
/** @typedef {import("./f.js").F} F */
// import "./not.js";
"""
    assert imported(text) == ["./a.js", "./b.js", "../c.js", "./d.js", "./e.js", "./f.js"]

"""Imports go down only: no cycles, heavy libraries in their own packages. Read from the source, nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "server"
PACKAGE = SOURCE / "duostyle"

# From the ground up. A package, or a module at the top, imports only from lines above its own.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors", "picture", "metrics", "threads", "logs", "data"),
    ("params", "settings"),
    ("job", "recipe"),
    ("protocol", "imaging", "engine"),
    ("executor", "storage", "live", "client"),
    ("contract",),
    ("jobs",),
    ("web",),
    ("serving",),
    ("cli",),
    ("__main__",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

# Package -> what it may know of duostyle, where that is less than everything below it.
ONLY_KNOWS = {"client": {"client", "protocol", "errors"}}

# Of the engine others see this much: plain values, what turns a checkpoint into bytes, and what makes the engine. None
# needs torch to be imported.
OPEN_PARTS_OF_THE_ENGINE = {"api", "checkpoint_format", "environment"}

ONLY_IN = {
    "torch": {"engine"},
    "torchvision": {"engine"},
    "starlette": {"web", "serving"},
    "uvicorn": {"serving"},
    "PIL": {"imaging"},
    "av": {"imaging"},
    "sqlite3": {"storage.database", "storage.database_file", "storage.backup"},
    "pi_heif": {"imaging"},
    "pyvips": {"imaging"},
    "prometheus_client": {"metrics"},
    "structlog": {"logs", "serving"},
}


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")


def name_of(path: Path) -> str:
    """`live.hub` for server/duostyle/live/hub.py."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def is_module(name: str) -> bool:
    """Whether a dotted name is a module or package of ours."""
    path = SOURCE.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def imports(path: Path) -> Iterator[tuple[ast.stmt, str]]:
    """Every module imported anywhere in the file, lazily or not, as a dotted name."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative imports hide where they lead"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield node, inner if inner.startswith("duostyle.") and is_module(inner) else str(node.module)


def own_imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line number and name below `duostyle` of every import of ours."""
    for node, name in imports(path):
        if name.startswith("duostyle."):
            yield node.lineno, name.removeprefix("duostyle.")


def is_global(statement: ast.stmt) -> bool:
    """Whether a top-level statement does something at import time beyond naming things."""
    return not isinstance(
        statement,
        ast.Import
        | ast.ImportFrom
        | ast.ClassDef
        | ast.FunctionDef
        | ast.AsyncFunctionDef
        | ast.Assign
        | ast.AnnAssign,
    )


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_go_down_only(path: Path) -> None:
    here = name_of(path).partition(".")[0]
    assert here in RANK, f"{here} has no layer yet: give it one"
    for line, name in own_imports(path):
        there = name.partition(".")[0]
        if there == here:
            continue
        assert RANK[there] < RANK[here], f"{name_of(path)}:{line} imports {name}, which is not below it"
        assert there in ONLY_KNOWS.get(here, RANK), f"{name_of(path)}:{line} imports {name}, which it must not know"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_only_the_open_parts_of_the_engine_are_seen_from_outside(path: Path) -> None:
    if name_of(path).startswith("engine."):
        return
    for line, name in own_imports(path):
        package, _, module = name.partition(".")
        assert package != "engine" or module in OPEN_PARTS_OF_THE_ENGINE, f"{name_of(path)}:{line} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_libraries_stay_in_their_packages(path: Path) -> None:
    here = name_of(path)
    for node, name in imports(path):
        allowed = ONLY_IN.get(name.split(".")[0])
        assert allowed is None or here in allowed or here.partition(".")[0] in allowed, (
            f"{here}:{node.lineno} imports {name}"
        )


@pytest.mark.parametrize("name", sorted(OPEN_PARTS_OF_THE_ENGINE))
def test_the_open_parts_of_the_engine_need_no_torch(name: str) -> None:
    known = {imported.split(".")[0] for _, imported in imports(PACKAGE / "engine" / f"{name}.py")}
    assert not known & {"torch", "torchvision"}


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_importing_has_no_side_effect(path: Path) -> None:
    for statement in ast.parse(path.read_text("utf-8")).body[1:]:
        assert not is_global(statement) or ast.unparse(statement).startswith(("if __name__", "if TYPE_CHECKING")), (
            f"{name_of(path)}:{statement.lineno} does something at import time"
        )


def test_there_is_no_cycle() -> None:
    graph = {name_of(path): {name for _, name in own_imports(path)} - {name_of(path)} for path in modules()}
    while graph:
        free = [name for name, needs in graph.items() if not needs & graph.keys()]
        assert free, f"a cycle among {sorted(graph)}"
        for name in free:
            del graph[name]


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_no_file_passes_three_hundred_lines(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 300


def test_the_rules_notice_what_they_forbid(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(
        "from duostyle.live import hub\nfrom duostyle.engine.network.vgg import Network\n"
        "def f():\n    import torch.nn\nprint()\n"
    )
    assert [name for _, name in imports(bad)] == ["duostyle.live.hub", "duostyle.engine.network.vgg", "torch.nn"]
    assert [is_global(statement) for statement in ast.parse(bad.read_text()).body] == [False, False, False, True]

"""Imports go down only: no cycles, heavy libraries in their own rooms. Read from the source, nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVER = Path(__file__).parents[1] / "server"

# From the ground up. A module imports only from lines above its own; on a line of L0 and L1, and inside the engine,
# rooms may not even know their neighbours.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors", "picture", "metrics", "liveness", "priority", "version"),
    ("outage", "watchdog"),
    ("params", "settings", "statuses", "formats", "pixels"),
    ("protocol", "messages", "images", "jobs", "access", "files", "database", "estimate", "admission", "engine"),
    ("reels", "film", "shelf", "recipes", "tasks"),
    ("retention",),
    ("limits", "store", "mailbox", "worker"),
    ("hub", "archive"),
    ("line", "gallery", "timelapse", "cinema", "keeper", "schemas"),
    ("pictures", "ending", "teller", "openapi", "asyncapi"),
    ("dispatch", "steering", "intake"),
    ("views",),
    ("scheduler",),
    ("house",),
    ("bodies", "headers", "uploads", "pages", "websocket", "sockets", "listening", "connections"),
    ("guard",),
    ("routes", "routes_jobs", "routes_status", "routes_timelapse", "routes_contracts"),
    ("app",),
    ("serve",),
    ("options", "reporters", "remote"),
    ("follower",),
    ("calls",),
    ("client",),
    ("doctor", "paint", "relay"),
    ("submit", "watch", "replay"),
    ("commands",),
    ("cli",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

ONLY_IN = {
    "torch": {"engine"},
    "torchvision": {"engine"},
    "starlette": {
        "routes",
        "routes_jobs",
        "routes_status",
        "routes_timelapse",
        "routes_contracts",
        "bodies",
        "pages",
        "websocket",
        "headers",
        "uploads",
        "guard",
        "app",
        "serve",
    },
    "uvicorn": {"serve", "sockets", "connections"},
    "PIL": {"images", "formats", "pixels", "film"},
    "av": {"film"},
    "sqlite3": {"database"},
    "prometheus_client": {"metrics"},
}


def modules() -> list[Path]:
    return sorted(path for path in SERVER.rglob("*.py") if path.name != "__init__.py")


def room(path: Path) -> str:
    """`hub` for server/hub.py, `engine` for everything in server/engine/."""
    return path.relative_to(SERVER).parts[0].removesuffix(".py")


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
                yield node, inner if node.module in ("server", "server.engine") else str(node.module)


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


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SERVER)))
def test_imports_go_down_only(path: Path) -> None:
    here = room(path)
    assert here in RANK, f"{here} has no layer yet: give it one"
    for node, name in imports(path):
        parts = name.split(".")
        if parts[0] != "server" or len(parts) == 1:
            continue
        there = parts[1]
        if there == here == "engine" or (there == "data" and here in ("engine", "gallery")):
            continue
        # Plain values that every room speaks of; importing them does not import torch.
        rank = RANK["params"] if name.startswith("server.engine.api") else RANK[there]
        assert rank < RANK[here], f"{path.name}:{node.lineno} {here} imports {there}, which is not below it"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SERVER)))
def test_libraries_stay_in_their_rooms(path: Path) -> None:
    for node, name in imports(path):
        allowed = ONLY_IN.get(name.split(".")[0])
        assert allowed is None or room(path) in allowed, f"{path.name}:{node.lineno} imports {name}"


def test_the_engine_interface_needs_no_torch() -> None:
    assert not {name for _, name in imports(SERVER / "engine" / "api.py") if name.split(".")[0] in ("torch", "numpy")}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SERVER)))
def test_importing_has_no_side_effect(path: Path) -> None:
    for statement in ast.parse(path.read_text("utf-8")).body[1:]:
        assert not is_global(statement) or ast.unparse(statement).startswith(("if __name__", "if TYPE_CHECKING")), (
            f"{path.name}:{statement.lineno} does something at import time"
        )


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SERVER)))
def test_no_file_passes_four_hundred_lines(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 400


def test_the_engine_has_no_cycle() -> None:
    graph = {
        path.stem: {
            name.split(".")[2]
            for _, name in imports(path)
            if name.startswith("server.engine.") and name.split(".")[2] != path.stem
        }
        for path in (SERVER / "engine").glob("*.py")
    }
    while graph:
        free = [name for name, needs in graph.items() if not needs & graph.keys()]
        assert free, f"a cycle among {sorted(graph)}"
        for name in free:
            del graph[name]


def test_the_rules_notice_what_they_forbid(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(
        "from server import hub\nfrom server.engine.vgg import Features\ndef f():\n    import torch.nn\nprint()\n"
    )
    assert [name for _, name in imports(bad)] == ["server.hub", "server.engine.vgg", "torch.nn"]
    assert [is_global(statement) for statement in ast.parse(bad.read_text()).body] == [False, False, False, True]

"""What we override or read of libraries beyond what they document, each name once, and that it is still there.

Such a library has an upper bound in pyproject.toml: raise it when these tests and tests/integration pass with the new
version. The table is compared with the source of our classes, so that none can be forgotten.
"""

from __future__ import annotations

import ast
import asyncio
import importlib.metadata
import inspect
import textwrap
import tomllib
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import h11
import pytest
import uvicorn
from packaging.requirements import Requirement
from PIL import Image
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartParser, MultipartPart
from starlette.staticfiles import StaticFiles
from uvicorn.lifespan.off import LifespanOff
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.server import ServerProtocol

from duostyle.imaging import animation
from duostyle.serving.http_protocol import HttpConnection
from duostyle.serving.server import Server
from duostyle.serving.websocket_protocol import WebSocketConnection
from duostyle.web.forms import _Parser
from duostyle.web.static_files import Files

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
NONE = type(None)


async def app(scope: Any, receive: Any, send: Any) -> None: ...


async def no_chunks() -> AsyncGenerator[bytes, None]:
    yield b""


def config() -> uvicorn.Config:
    return uvicorn.Config(app, lifespan="off", log_config=None)


def protocol(kind: type[H11Protocol] | type[WebSocketsSansIOProtocol]) -> Any:
    return kind(config(), ServerState(), {}, asyncio.AbstractEventLoop())  # type: ignore[abstract]


def cycle() -> RequestResponseCycle:
    """What uvicorn makes of each request."""
    head = h11.Connection(h11.SERVER)
    scope: Any = {}
    named: Any = dict.fromkeys(("transport", "flow", "logger", "access_logger", "on_response"))
    more: Any = {"access_log": False, "default_headers": [], "message_event": asyncio.Event()}
    return RequestResponseCycle(scope=scope, conn=head, **named, **more)


class Use(NamedTuple):
    """Our subclass, what makes an object of its base, the methods that it overrides or calls, and the attributes that
    it reads or sets, each with its type in a new object."""

    library: str
    ours: type
    make: Callable[[], Any]
    methods: set[str]
    attributes: dict[str, type]


USES = [
    Use(
        "uvicorn",
        HttpConnection,
        lambda: protocol(H11Protocol),
        {
            *("connection_made", "connection_lost", "data_received"),
            *("handle_websocket_upgrade", "on_response_complete", "send_400_response"),
        },
        {
            "client": NONE,
            "conn": h11.Connection,
            "cycle": NONE,
            "loop": asyncio.AbstractEventLoop,
            "transport": NONE,
        },
    ),
    Use(
        "uvicorn",
        WebSocketConnection,
        lambda: protocol(WebSocketsSansIOProtocol),
        {
            *("connection_made", "connection_lost", "data_received", "pause_writing", "resume_writing"),
            *("handle_ping", "handle_pong", "handle_cont", "handle_parser_exception"),
            *("send_keepalive_ping", "send_receive_event_to_app", "send", "run_asgi"),
        },
        {
            "app_state": dict,
            "close_sent": bool,
            "conn": ServerProtocol,
            "curr_msg_data_type": str,
            "disconnected": bool,
            "frames": list,
            "handshake_complete": bool,
            "handshake_initiated": bool,
            "initial_response": NONE,
            "loop": asyncio.AbstractEventLoop,
            "pending_ping_payload": NONE,
            "transport": NONE,
            "writable": asyncio.Event,
        },
    ),
    Use(
        "uvicorn",
        Server,
        lambda: uvicorn.Server(config()),
        {"startup", "shutdown", "capture_signals"},
        {"config": uvicorn.Config, "server_state": ServerState, "should_exit": bool},
    ),
    Use(
        "starlette",
        Files,
        lambda: StaticFiles(directory=Path(__file__).parent),
        {"file_response", "get_response"},
        {},
    ),
    Use(
        "starlette",
        _Parser,
        lambda: MultiPartParser(Headers(), no_chunks()),
        {"on_headers_finished", "on_part_data"},
        {"_current_part": MultipartPart, "max_part_size": int},
    ),
    Use(
        "pillow",
        animation._ManyFrames,
        lambda: Image.new("RGB", (2, 2)),
        {"seek", "tell"},
        {"_mode": str, "_size": tuple, "im": object},
    ),
]
DEEPER: list[tuple[str, Callable[[], Any], dict[str, type]]] = [
    ("uvicorn", ServerState, {"tasks": set, "connections": set}),
    ("uvicorn", config, {"timeout_graceful_shutdown": NONE}),
    ("uvicorn", lambda: LifespanOff(config()), {"state": dict}),
    ("uvicorn", cycle, {"disconnected": bool, "message_event": asyncio.Event, "response_complete": bool}),
    ("websockets", ServerProtocol, {"handshake_exc": NONE}),
    ("h11", lambda: h11.Connection(h11.SERVER), {"trailing_data": tuple}),
    ("starlette", lambda: Starlette().router, {"redirect_slashes": bool}),
]


def used(ours: type) -> set[str]:
    """Every name that the class defines, or uses of itself or of `super()`."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(ours)))
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("self", "super()"):
            names.add(node.attr)
    return {name for name in names if not name.startswith("__")}


@pytest.mark.parametrize("use", USES, ids=lambda use: use.ours.__name__)
def test_the_table_names_every_part_of_a_library_that_we_use(use: Use) -> None:
    base = use.make()
    assert used(use.ours) & {*dir(type(base)), *vars(base)} == use.methods | use.attributes.keys()


@pytest.mark.parametrize("use", USES, ids=lambda use: use.ours.__name__)
def test_every_part_is_still_there(use: Use) -> None:
    base = use.make()
    for name in use.methods:
        assert callable(getattr(base, name)), name
        theirs, ours = (inspect.signature(getattr(kind, name)) for kind in (type(base), use.ours))
        assert list(ours.parameters) == list(theirs.parameters), name
    for name, kind in use.attributes.items():
        assert isinstance(getattr(base, name), kind), name


@pytest.mark.parametrize(("library", "make", "attributes"), DEEPER)
def test_what_we_read_of_their_objects_is_still_there(
    library: str, make: Callable[[], Any], attributes: dict[str, type]
) -> None:
    made = make()
    for name, kind in attributes.items():
        assert isinstance(getattr(made, name), kind), (library, name)


def test_uvicorn_makes_its_lifespan_before_it_starts() -> None:
    # `Server.startup` fills its state, from which every connection is given `app_state`
    source = inspect.getsource(uvicorn.Server)
    assert source.index("self.lifespan = config.lifespan_class(config)") < source.index("await self.startup(")
    assert "app_state=self.lifespan.state" in source


@pytest.mark.parametrize("library", sorted({use.library for use in USES}))
def test_each_such_library_has_an_upper_bound_that_is_tested(library: str) -> None:
    (requirement,) = (made for made in map(Requirement, PROJECT["dependencies"]) if made.name == library)
    assert any(specifier.operator == "<" for specifier in requirement.specifier)
    assert requirement.specifier.contains(importlib.metadata.version(library))

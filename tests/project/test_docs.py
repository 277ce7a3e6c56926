"""docs/protocol.md says what the code does: parameters, codes, routes and message types."""

from __future__ import annotations

import re
from typing import Any

from duostyle.params import allowed_text, describe_params
from duostyle.protocol import incoming
from duostyle.protocol.frames import FrameOptions
from duostyle.protocol.status_codes import CLOSE_CODES
from duostyle.web.routes import images, jobs, operations, timelapse
from tests.support.contract import CLIENT_MESSAGES, CONTRACT, PROTOCOL_PAGE

TEXT = PROTOCOL_PAGE.read_text("utf-8")


def param_row(row: dict[str, Any]) -> str:
    default = "" if row["default"] is None else f"`{row['default']}`"
    live = "yes" if row["live"] else ""
    return f"| `{row['name']}` | {allowed_text(row['name'])} | {default} | {live} | {row['help']} |"


def code_row(code: str, status: int) -> str:
    return f"| `{code}` | {status} |"


def test_every_parameter_has_its_row() -> None:
    section = TEXT.partition("## Parameters")[2]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert rows == [param_row(row) for row in describe_params()]


def test_every_code_has_its_row() -> None:
    rows = re.findall(r"^\| `\w+` \| \d+ \|$", TEXT, flags=re.MULTILINE)
    assert rows == [code_row(code, status) for code, status in CONTRACT.items()]


def test_every_close_code_has_its_row() -> None:
    section = TEXT.partition("### Close codes")[2].partition("## ")[0]
    rows = dict(re.findall(r"^\| (\d+) \| (.+) \|$", section, flags=re.MULTILINE))
    assert rows == {str(code): meaning for code, meaning in CLOSE_CODES.items()}


def test_every_route_is_there_and_no_other() -> None:
    written = set(re.findall(r"^\| `([A-Z]+) (/\S*)`", TEXT, flags=re.MULTILINE))
    served = {
        (method, route.path)
        for module in (images, jobs, operations, timelapse)
        for route in module.routes()
        for method in route.methods or ()
        if method != "HEAD"
    }
    assert written == {(method, path) for method, path in served} | {("GET", "/"), ("GET", "/status")}


def test_every_client_message_is_understood() -> None:
    section = TEXT.partition("### From the client")[2].partition("### From the server")[0]
    names = re.findall(r"`(\w+)`", " ".join(line.split("|")[1] for line in section.splitlines() if line[:3] == "| `"))
    assert tuple(names) == CLIENT_MESSAGES
    limits = FrameOptions(max_px=2048, max_fps=10.0, window=4)
    for name in names:
        message = {"type": name, "job": "j", "key": "k", "seq": 1}
        assert type(incoming.parse(message, limits)).__name__.lower() == name

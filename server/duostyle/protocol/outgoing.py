"""The server's text messages on the socket: one class for each, from which it is sent and documented.

Texts are ASCII (everything else escaped), so that a client's odd characters can always be echoed. Frames are in
`frames`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, dataclass_transform

from pydantic import Field

from duostyle.protocol.status_codes import codes

VERSION: Literal[1] = 1
SUBPROTOCOL = "duostyle.v1"
MAX_REF_CHARS = 64
MAX_PROGRESS_BYTES = 300


def named(name: str) -> Any:
    """Annotates a value whose JSON Schema is `name` among the components of the contract's documents."""
    return Field(json_schema_extra={"x-ref": name})


JobId = Annotated[str, named("JobId")]
LiveParams = Annotated[Mapping[str, Any], named("LiveParams")]
Costs = Annotated[Mapping[str, Any], named("Costs")]
Report = Annotated[Mapping[str, Any], named("Report")]
Problem = Annotated[Mapping[str, Any], named("Problem")]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]


@dataclass_transform(frozen_default=True, kw_only_default=True)
class ServerMessage:
    """Base of the messages: each subclass becomes a frozen dataclass, and its name in lower case is its `type`.

    A field that has a default is absent from the wire while it is None; any other None is sent as null.
    """

    type: ClassVar[str]

    def __init_subclass__(cls) -> None:
        cls.type = cls.__name__.lower()
        dataclass(frozen=True, kw_only=True)(cls)

    def text(self) -> str:
        """The message as compact JSON. Raises ValueError for NaN and infinities."""
        # the default of a field is an attribute of the class
        kind = type(self)
        fields = {name: value for name, value in vars(self).items() if value is not None or not hasattr(kind, name)}
        return text(self.type, **fields)


class _Reply(ServerMessage):
    """Answers one client message; `ref` is that message's, if it had one."""

    ref: Annotated[str, Field(max_length=MAX_REF_CHARS)] | None = None


class Hello(ServerMessage):
    protocol: Literal[1]
    server: str
    device: str
    precision: str
    limits: Annotated[Mapping[str, Any], named("Limits")]
    heartbeat_s: Seconds


class Queued(ServerMessage):
    """`error`: why no job can be painted until the server is fixed and restarted."""

    job: JobId
    position: Count
    eta_s: Seconds | None
    error: Problem | None = None


class Started(ServerMessage):
    job: JobId
    total_steps: Count
    levels: Count
    width: Count
    height: Count
    resumed_from_step: Count | None


class Progress(ServerMessage):
    """At most MAX_PROGRESS_BYTES long: costs and seconds keep as many digits as fit, 2 at least."""

    job: JobId
    seq: Count
    step: Count
    total_steps: Count
    level: Count
    width: Count
    height: Count
    costs: Costs
    step_s: float | None
    elapsed_s: float | None
    eta_s: float | None

    def text(self) -> str:
        """The message as compact JSON, with null for NaN and infinities."""
        numbers = {name: value for name, value in vars(self).items() if isinstance(value, int | str)}
        head = text(self.type, **numbers)[:-1]
        message = ""
        for digits in (5, 4, 3, 2):
            costs = ",".join(f'"{name}":{_cost(cost, digits)}' for name, cost in self.costs.items())
            message = (
                f'{head},"costs":{{{costs}}},"step_s":{_number(self.step_s, 3)},'
                f'"elapsed_s":{_number(self.elapsed_s, digits + 1)},"eta_s":{_number(self.eta_s, 3)}}}'
            )
            if len(message) <= MAX_PROGRESS_BYTES:
                break
        return message


class _Ended(ServerMessage):
    """The last message about a job."""

    job: JobId
    seq: Count
    elapsed_s: Seconds
    step: Count
    total_steps: Count
    costs: Costs | None
    report: Report | None


class Completed(_Ended):
    pass


class Failed(_Ended):
    """`partial`: whether there is a picture nevertheless."""

    partial: bool
    error: Problem


class Cancelled(_Ended):
    """`partial`: whether there is a picture nevertheless."""

    partial: bool


class Ok(_Reply):
    pass


class Accepted(_Reply):
    job: JobId
    key: Annotated[str, named("JobKey")]
    position: Count
    eta_s: Seconds | None


class Updated(ServerMessage):
    job: JobId
    params: LiveParams


class Paused(ServerMessage):
    job: JobId


class Resumed(ServerMessage):
    job: JobId


class Pong(_Reply):
    pass


class Error(_Reply):
    """An error as `DuostyleError.as_dict` gives it."""

    code: Annotated[str, Field(json_schema_extra={"enum": list(codes())})]
    message: str
    field: str | None = None
    limit: Any = None
    got: Any = None
    reached: str | None = None


class Shutdown(ServerMessage):
    retry_s: Seconds


def messages(kind: type[ServerMessage] = ServerMessage) -> list[type[ServerMessage]]:
    """Every message except `state`, in the order of this file; the fields of `state` are a job's (`Job.state`)."""
    below = kind.__subclasses__()
    return [message for each in below for message in messages(each)] if below else [kind]


def text(type: str, **fields: Any) -> str:
    """A message of any type as compact JSON. Raises ValueError for NaN and infinities."""
    return json.dumps({"type": type, **fields}, separators=(",", ":"), allow_nan=False)


def _cost(value: float | Sequence[float], digits: int) -> str:
    if isinstance(value, Sequence):
        return f"[{','.join(_number(share, digits) for share in value)}]"
    return _number(value, digits)


def _number(value: float | None, digits: int) -> str:
    # written by hand because json spells 1e11 with all its zeros
    return f"{value:.{digits}g}" if value is not None and math.isfinite(value) else "null"


def round_costs(costs: Mapping[str, Any], digits: int = 5) -> dict[str, Any]:
    """`{total, content, style, tv}` with this many significant digits; null where a number is not finite."""
    return {
        name: [significant(share, digits) for share in value] if name == "style" else significant(value, digits)
        for name, value in costs.items()
    }


def significant(value: float, digits: int) -> float | None:
    """`value` rounded to `digits` significant digits, None when it is not finite."""
    if not math.isfinite(value):
        return None
    rounded = float(f"{value:.{digits}g}")
    return int(rounded) if rounded == int(rounded) and abs(rounded) < 1e6 else rounded

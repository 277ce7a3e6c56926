"""Messages from clients on the socket: one model for each, which checks it and from which it is documented.

`decode` turns text into an object, `parse` checks it, `ref_of` finds the `ref` to answer with. No I/O. The server's
messages are in `outgoing`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import ErrorDetails

from duostyle.errors import BadRequest
from duostyle.params import allowed_by
from duostyle.protocol.frames import DEFAULT_PX, FrameOptions
from duostyle.protocol.outgoing import MAX_REF_CHARS, named

MAX_ID_CHARS = 128
MAX_SEQ = 2**53 - 1


def _asked_for(raw: Any, info: ValidationInfo) -> Any:
    """`frames`: false for none, an object for some, absent for the defaults."""
    if raw is None:
        raw = {}
    if not isinstance(raw, dict):
        return None if raw is False else raw
    most: Any = info.context
    defaults = {"max_px": min(DEFAULT_PX, most.max_px), "max_fps": most.max_fps}
    return defaults | {name: value for name, value in raw.items() if name in FrameOptions.__dataclass_fields__}


# Strings are not decoded: one with half a surrogate pair is accepted here and matches no id.
Text = InstanceOf[str]
JobId = Annotated[Text, Field(min_length=1, max_length=MAX_ID_CHARS), named("JobId")]
JobKey = Annotated[Text, Field(min_length=1, max_length=MAX_ID_CHARS), named("JobKey")]
Seq = Annotated[int, Field(strict=True, ge=0, le=MAX_SEQ)]
Frames = Annotated[
    FrameOptions | None,
    BeforeValidator(_asked_for, json_schema_input_type=Literal[False] | FrameOptions),
    Field(validate_default=True, description="false for none, absent for the defaults."),
]


class Message(BaseModel):
    """What any message may carry: the answer repeats its `ref`. Fields that are not known are ignored."""

    model_config = ConfigDict(frozen=True)
    # types of what the server answers with
    answers: ClassVar[tuple[str, ...]] = ()

    ref: Annotated[Text, Field(max_length=MAX_REF_CHARS)] | None = None


class _Order(Message):
    """What is to be painted."""

    model_config = ConfigDict(json_schema_extra={"required": ["type", "content", "styles"]})

    # jobs.request checks them, for HTTP too
    content: Annotated[Any, named("ImageId")] = None
    styles: Annotated[Any, named("ImageIds")] = None
    params: Annotated[Any, named("Params")] | None = None


class _OfJob(Message):
    job: JobId


class _WithKey(_OfJob):
    """Needs the key that the submitter was given."""

    answers = ("ok", "error")

    key: JobKey


class Submit(_Order):
    answers = ("accepted", "error")
    type: Literal["submit"]
    frames: Frames = None


class Subscribe(_OfJob):
    answers = ("state", "error")
    type: Literal["subscribe"]
    after: Seq | None = None
    frames: Frames = None


class Unsubscribe(_OfJob):
    type: Literal["unsubscribe"]


class Cancel(_WithKey):
    type: Literal["cancel"]


class Update(_WithKey):
    model_config = ConfigDict(json_schema_extra={"required": ["type", "job", "key", "params"]})

    type: Literal["update"]
    # duostyle.params checks them
    params: Annotated[Any, named("LiveParams")] = None


class Pause(_WithKey):
    type: Literal["pause"]


class Resume(_WithKey):
    type: Literal["resume"]


class Ack(_OfJob):
    type: Literal["ack"]
    seq: Seq


class Preview(_Order):
    answers = ("frame", "error")
    type: Literal["preview"]
    # jobs.previews checks it, for HTTP too
    max_px: Annotated[Any, named("PreviewPx")] | None = None


class Ping(Message):
    answers = ("pong",)
    type: Literal["ping"]


ClientMessage = Submit | Subscribe | Unsubscribe | Cancel | Update | Pause | Resume | Ack | Preview | Ping

_MESSAGE: TypeAdapter[ClientMessage] = TypeAdapter(Annotated[ClientMessage, Field(discriminator="type")])
# By the name of the class: the messages and FrameOptions.
SCHEMAS: dict[str, dict[str, Any]] = _MESSAGE.json_schema(ref_template="#/components/schemas/{model}")["$defs"]
_OUT_OF_RANGE = ("greater_than", "greater_than_equal", "less_than_equal", "value_error")
_NOUNS = {"string": "a string", "integer": "a whole number", "number": "a number"}
_KINDS = {type(None): "null", bool: "boolean", int: "number", float: "number", str: "string", list: "array"}


def decode(text: str) -> dict[str, Any]:
    """The JSON object in `text`. Raises BadRequest for anything else.

    NaN and infinities pass, which is not JSON, so that whoever checks the field can name it.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest("the message is not valid JSON") from None
    if not isinstance(value, dict):
        raise BadRequest("the message must be a JSON object", limit="object", got=_kind(value))
    return value


def ref_of(message: Mapping[str, Any]) -> str | None:
    """The message's `ref`, None when it has none that an answer could repeat."""
    ref = message.get("ref")
    return ref if isinstance(ref, str) and len(ref) <= MAX_REF_CHARS else None


def parse(message: Mapping[str, Any], most: FrameOptions) -> ClientMessage | None:
    """The checked message, None when its type is unknown; `most` is what the server allows.

    Raises BadRequest with the field's path.
    """
    try:
        return _MESSAGE.validate_python(message, context=most)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
    if problem["loc"]:
        raise _refusal(problem, most)
    if isinstance(message.get("type"), str):
        return None
    raise BadRequest("type must be a string", field="type", limit="string", got=_kind(message.get("type")))


def _refusal(problem: ErrorDetails, most: FrameOptions) -> BadRequest:
    """The problem that pydantic found, in words for the author of the client."""
    kind, (type, *path) = problem["type"], problem["loc"]
    got: Any = None if kind == "missing" else problem["input"]
    field = ".".join(map(str, path))
    if field == "frames":
        return BadRequest("frames must be false or an object", field=field, limit="false or object", got=_kind(got))
    schema = _schema_of(str(type), field, most)
    limit = allowed_by(schema)
    if kind in ("too_short", "too_long"):
        words = "is too long" if kind == "too_long" else "must not be empty"
        return BadRequest(f"{field} {words}", field=field, limit=limit, got=f"{len(got)} characters")
    # an integer too large for a float counts as no number in pydantic
    if kind in _OUT_OF_RANGE or (kind == "float_type" and _kind(got) == "number"):
        got = got if abs(got) <= MAX_SEQ else "a number too large"
        return BadRequest(f"{field} is out of range", field=field, limit=limit, got=got)
    noun = _NOUNS[schema["type"]]
    return BadRequest(
        f"{field} must be {noun}", field=field, limit="string" if noun == "a string" else limit, got=_kind(got)
    )


def _schema_of(type: str, field: str, most: FrameOptions) -> dict[str, Any]:
    """The JSON Schema of one field, with what this server allows of frames."""
    name = field.removeprefix("frames.")
    owner = type.capitalize() if name == field else FrameOptions.__name__
    schema: dict[str, Any] = SCHEMAS[owner]["properties"][name]
    schema = schema.get("anyOf", [schema])[0]
    return schema if name == field else {"maximum": getattr(most, name)} | schema


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "object")

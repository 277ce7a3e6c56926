"""JSON Schemas of the values that go over the wire, for `openapi` and `asyncapi`; made from the code's own sources.

Messages come from `protocol`, parameters from `params`, limits from `settings`, statuses from `job`; what has no such
source is written here and compared with a running server by the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter

from duostyle.contract.limits import limit_schemas
from duostyle.engine.api import Costs
from duostyle.imaging.animation import ANIMATION_FORMATS
from duostyle.job import JOB_ID, JobStatus, state_types
from duostyle.params import IMAGE_ID, MAX_STYLES, describe_params
from duostyle.protocol import outgoing
from duostyle.protocol.frames import DEFAULT_PX, SMALLEST_PX

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
SECONDS: Schema = {"type": "number", "minimum": 0}
UNIX_S: Schema = {"type": "number", "description": "Unix seconds."}


def ref(name: str) -> Schema:
    """A reference to one of `components`."""
    return {"$ref": f"#/components/schemas/{name}"}


def nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def listed(schema: Schema, **bounds: int) -> Schema:
    return {"type": "array", "items": schema, **bounds}


def record(fields: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """An object with these `fields`, all of them required, and these `optional` ones."""
    return {"type": "object", "properties": {**fields, **(optional or {})}, "required": list(fields)}


def fields_of(kind: type) -> tuple[dict[str, Schema], dict[str, Schema]]:
    """The fields of a server message that are always there, and those that may be absent (but never null)."""
    made = plain(TypeAdapter(kind).json_schema())
    fields, required = made.get("properties", {}), made.get("required", ())
    optional = {name: schema.get("anyOf", [schema])[0] for name, schema in fields.items() if name not in required}
    return {name: fields[name] for name in required}, optional


def plain(schema: Any) -> Any:
    """A schema as pydantic makes it in the style of the documents: references, no titles, no defaults."""
    if isinstance(schema, list):
        return [plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "x-ref" in schema:
        return ref(schema["x-ref"])
    return {key: plain(value) for key, value in schema.items() if key not in ("title", "default")}


def components() -> dict[str, Schema]:
    """Every named schema that the two documents share."""
    accepted, _ = fields_of(outgoing.Accepted)
    cost = nullable(NUMBER)
    order = {"content": ref("ImageId"), "styles": ref("ImageIds")}
    return {
        "ImageId": _pattern(IMAGE_ID.pattern, "`sha256:` and the hash of the uploaded bytes."),
        "ImageIds": listed(ref("ImageId"), minItems=1, maxItems=MAX_STYLES),
        "JobId": _pattern(JOB_ID.pattern, "Whoever has it may watch the job."),
        "JobKey": {"type": "string", "description": "The secret that cancel, update, pause, resume and DELETE need."},
        "Status": {"type": "string", "enum": [status.value for status in JobStatus]},
        "Params": _params(live_only=False),
        "LiveParams": {**_params(live_only=True), "minProperties": 1},
        "Order": record(order, {"params": nullable(ref("Params"))}),
        "PreviewOrder": record(order, {"params": nullable(ref("Params")), "max_px": nullable(ref("PreviewPx"))}),
        "PreviewPx": {
            "type": "integer",
            "minimum": SMALLEST_PX,
            "description": f"Longest side of the picture; by default {DEFAULT_PX} px.",
        },
        "Accepted": record(accepted | {"links": {"type": "object", "additionalProperties": TEXT}}),
        "Costs": record(
            dict.fromkeys((one.name for one in fields(Costs)), cost)
            | {"style": listed(cost, minItems=1, maxItems=MAX_STYLES)}
        ),
        "Report": record({"share": nullable(listed(nullable(NUMBER))), "evaluations": nullable(COUNT)}),
        "Problem": _problem(),
        "Error": record({"error": ref("Problem")}),
        "State": record(state_fields()),
        "Image": record(
            {"id": ref("ImageId"), "width": COUNT, "height": COUNT, "format": TEXT, "bytes": COUNT}
            | {"notes": listed(TEXT), "key": TEXT}
        ),
        "Gallery": record({"content": listed(ref("GalleryPicture")), "style": listed(ref("GalleryPicture"))}),
        "GalleryPicture": record(
            dict.fromkeys(("file", "title", "author", "licence", "source"), TEXT)
            | {"id": ref("ImageId"), "width": COUNT, "height": COUNT}
        ),
        "Limits": record(limit_schemas()),
        "LimitsAndParams": record(limit_schemas() | {"params": listed(ref("ParamRow"))}),
        "ParamRow": {
            **record({"name": TEXT, "schema": {"type": "object"}, "default": {}, "live": FLAG, "help": TEXT}),
            "description": "One parameter of a job: its JSON Schema, its default, and whether it is live.",
        },
        "Timelapse": _timelapse(),
    }


def state_fields() -> dict[str, Schema]:
    """The fields of `GET /api/jobs/{job}` and of the `state` message: those of `Job`, described by their types where
    nothing more specific is known."""
    named: dict[str, Schema] = {
        "job": ref("JobId"),
        "status": ref("Status"),
        "params": ref("Params"),
        "costs": nullable(ref("Costs")),
        "created_at": UNIX_S,
        "started_at": nullable(UNIX_S),
        "ended_at": nullable(UNIX_S),
        "error": nullable(ref("Problem")),
        "content": ref("ImageId"),
        "styles": listed(ref("ImageId"), minItems=1, maxItems=MAX_STYLES),
        "report": nullable(ref("Report")),
        "steering": nullable(_steering()),
    }
    plain: dict[Any, Schema] = {int: COUNT, float: SECONDS, bool: FLAG, str: TEXT}
    plain |= {kind | None: nullable(schema) for kind, schema in plain.items()}
    return {name: named.get(name) or plain[kind] for name, kind in state_types().items()}


def _steering() -> Schema:
    change = record({"step": COUNT, "params": ref("LiveParams")})
    return record({"params": ref("Params"), "changes": listed(change)})


def _pattern(pattern: str, description: str) -> Schema:
    return {"type": "string", "pattern": f"^{pattern}$", "description": description}


def _params(*, live_only: bool) -> Schema:
    """The parameters, or some of them; `x-live` marks those that may change while the job runs."""
    rows = [row for row in describe_params() if row["live"] or not live_only]
    shown = {row["name"]: row["schema"] | {"x-live": row["live"]} for row in rows}
    return {"type": "object", "properties": shown, "additionalProperties": False}


def _problem() -> Schema:
    """An error without the fields that only the message about it has."""
    fields, optional = fields_of(outgoing.Error)
    return record(fields, {name: schema for name, schema in optional.items() if name != "ref"})


def _timelapse() -> Schema:
    frame = record({"n": COUNT, "step": COUNT, "width": COUNT, "height": COUNT, "elapsed_s": SECONDS, "bytes": COUNT})
    formats: Schema = {"type": "string", "enum": list(ANIMATION_FORMATS)}
    head = {"job": ref("JobId"), "count": COUNT, "ended": FLAG, "fps": NUMBER, "formats": listed(formats)}
    return record({**head, "width": COUNT, "height": COUNT, "frames": listed(frame)})

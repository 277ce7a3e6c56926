"""JSON Schemas of the values that go over the wire, for `openapi` and `asyncapi`; made from the code's own sources.

Parameters come from `params`, codes from `statuses`, limits from `settings`, statuses from `jobs`; what has no such
source is written here and compared with a running server by the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from duostyle.contract.limits import setting_names
from duostyle.imaging.formats import FORMATS
from duostyle.job import JOB_ID, JobStatus, state_types
from duostyle.params import IMAGE_ID, MAX_STYLES, StyleParams, live_fields
from duostyle.protocol import incoming as protocol
from duostyle.protocol.status_codes import codes
from duostyle.settings import Settings
from duostyle.storage.timelapse_frames import ANIMATION_FORMATS

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


def record(
    fields: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None, description: str | None = None
) -> Schema:
    """An object with these `fields`, all of them required, and these `optional` ones."""
    made: Schema = {"type": "object", "properties": {**fields, **(optional or {})}, "required": list(fields)}
    return made if description is None else {**made, "description": description}


def components() -> dict[str, Schema]:
    """Every named schema that the two documents share."""
    return {
        "ImageId": _pattern(IMAGE_ID.pattern, "`sha256:` and the hash of the uploaded bytes."),
        "JobId": _pattern(JOB_ID.pattern, "Who has it may watch the job."),
        "JobKey": {"type": "string", "description": "The secret that cancel, update, pause, resume and DELETE need."},
        "Status": {"type": "string", "enum": [status.value for status in JobStatus]},
        "Params": _params(None),
        "LiveParams": {**_params(live_fields()), "minProperties": 1},
        "Order": record(
            {"content": ref("ImageId"), "styles": listed(ref("ImageId"), minItems=1, maxItems=MAX_STYLES)},
            {"params": nullable(ref("Params"))},
        ),
        "Accepted": record(accepted_fields() | {"links": {"type": "object", "additionalProperties": TEXT}}),
        "Costs": record({"total": nullable(NUMBER), "content": nullable(NUMBER)} | _style_and_tv()),
        "Report": record({"share": nullable(listed(nullable(NUMBER))), "evaluations": nullable(COUNT)}),
        "Problem": _problem(),
        "Error": record({"error": ref("Problem")}),
        "State": record(state_fields()),
        "Image": record({"id": ref("ImageId"), "width": COUNT, "height": COUNT, "format": TEXT, "bytes": COUNT}),
        "Gallery": record({"content": listed(ref("GalleryPicture")), "style": listed(ref("GalleryPicture"))}),
        "GalleryPicture": record(
            dict.fromkeys(("file", "title", "author", "licence", "source"), TEXT)
            | {"id": ref("ImageId"), "width": COUNT, "height": COUNT}
        ),
        "Limits": record(_limits()),
        "LimitsAndParams": record(_limits() | {"params": listed(ref("ParamRow"))}),
        "ParamRow": record(
            {"name": TEXT, "schema": {"type": "object"}, "default": {}, "live": FLAG, "help": TEXT},
            description="One parameter of a job: its JSON Schema, its default, and whether it is live.",
        ),
        "Timelapse": _timelapse(),
    }


def state_fields() -> dict[str, Schema]:
    """The fields of `GET /api/jobs/{job}` and of the `state` message: those that `Job` has, by their types where
    nothing more is known of them."""
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


def accepted_fields() -> dict[str, Schema]:
    """The fields that tell a submitter about the new job."""
    return {"job": ref("JobId"), "key": ref("JobKey"), "position": COUNT, "eta_s": nullable(SECONDS)}


def _steering() -> Schema:
    change = record({"step": COUNT, "params": ref("LiveParams")})
    return record({"params": ref("Params"), "changes": listed(change)})


def _style_and_tv() -> dict[str, Schema]:
    return {"style": listed(nullable(NUMBER), minItems=1, maxItems=MAX_STYLES), "tv": nullable(NUMBER)}


def _pattern(pattern: str, description: str) -> Schema:
    return {"type": "string", "pattern": f"^{pattern}$", "description": description}


def _params(names: frozenset[str] | None) -> Schema:
    """The parameters, or some of them; `x-live` marks those that may change while the job runs."""
    schema = StyleParams.model_json_schema()
    live = live_fields()
    shown = {
        name: {key: value for key, value in field.items() if key not in ("title", "live")} | {"x-live": name in live}
        for name, field in schema["properties"].items()
        if names is None or name in names
    }
    return {"type": "object", "properties": shown, "additionalProperties": False}


def _problem() -> Schema:
    code: Schema = {"type": "string", "enum": list(codes())}
    return record({"code": code, "message": TEXT}, {"field": TEXT, "limit": {}, "got": {}, "reached": TEXT})


def _limits() -> dict[str, Schema]:
    settings = Settings.model_json_schema()["properties"]
    told = {
        name: {key: value for key, value in settings[name].items() if key not in ("title", "default")}
        for name in setting_names()
    }
    fixed: dict[str, Schema] = {
        "max_styles": {"const": MAX_STYLES},
        "max_side_px": COUNT,
        "max_waiting_messages": COUNT,
        "formats": listed({"type": "string", "enum": list(FORMATS)}),
    }
    return told | fixed


def _timelapse() -> Schema:
    frame = record({"n": COUNT, "step": COUNT, "width": COUNT, "height": COUNT, "elapsed_s": SECONDS, "bytes": COUNT})
    films: Schema = {"type": "string", "enum": list(ANIMATION_FORMATS)}
    head = {"job": ref("JobId"), "count": COUNT, "ended": FLAG, "fps": NUMBER, "formats": listed(films)}
    return record({**head, "width": COUNT, "height": COUNT, "frames": listed(frame)})


def frame_options() -> Schema:
    """How a watcher wants its frames, within the widest limits that a server may have."""
    settings = Settings.model_json_schema()["properties"]
    widest = {name: settings[f"max_{name}"]["maximum"] for name in ("frame_px", "fps", "window")}
    options = record(
        {},
        {
            "max_px": {"type": "integer", "minimum": protocol.MIN_FRAME_PX, "maximum": widest["frame_px"]},
            "max_fps": {"type": "number", "exclusiveMinimum": 0, "maximum": widest["fps"]},
            "quality": {"type": "integer", "minimum": 1, "maximum": protocol.MAX_QUALITY},
            "window": {"type": "integer", "minimum": 1, "maximum": widest["window"]},
        },
    )
    return {"anyOf": [{"const": False}, options], "description": "false for none, absent for the defaults."}

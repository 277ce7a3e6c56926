"""The HTTP side of the contract as an OpenAPI 3.1 document, made from the code's own sources (see `schemas`)."""

from __future__ import annotations

from typing import Any

from duostyle.contract.links import from_gallery, from_job, from_timelapse, from_upload
from duostyle.contract.schemas import COUNT, FLAG, SECONDS, TEXT, Schema, components, record, ref
from duostyle.params import MAX_STYLES
from duostyle.picture import MAX_DPI, MIN_DPI, USUAL_DPI
from duostyle.protocol.status_codes import codes

_KEY: list[dict[str, list[str]]] = [{"jobKey": []}, {"jobKeyAlone": []}]
_OPEN: list[dict[str, list[str]]] = [{}]
# `format` is OpenAPI 3.0's word, which generators of clients still go by
_BYTES: Schema = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}


def document(*, version: str) -> dict[str, Any]:
    """The document, for a server of this version."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "duostyle",
            "version": version,
            "summary": "Neural style transfer with live progress.",
            "description": "The live view is a WebSocket at /ws, described by /asyncapi.json. Fields may be added; a "
            "client must ignore those that it does not know.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "."}],
        "security": [{}, {"token": []}, {"tokenInAddress": []}],
        "paths": _pages() | _pictures() | _jobs() | _painted() | _health(),
        "components": {
            "schemas": components(),
            "responses": {f"Problem{status}": _problem(status) for status in _statuses()},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Required when the server has a token."},
                "tokenInAddress": {"type": "apiKey", "in": "query", "name": "token"},
                "jobKey": {"type": "http", "scheme": "bearer", "description": "The key of the job."},
                "jobKeyAlone": {"type": "apiKey", "in": "header", "name": "X-Duostyle-Key"},
            },
        },
    }


def _statuses() -> list[int]:
    return sorted(set(codes().values()))


def _problem(status: int) -> dict[str, Any]:
    """The answer with this status, whichever operation gives it: the codes that come with it."""
    names = ", ".join(f"`{code}`" for code, own in codes().items() if own == status)
    return {"description": f"Refused: {names}.", "content": _json(ref("Error"))}


def _in_path(name: str, schema: Schema) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema}


_JOB = _in_path("job", ref("JobId"))
# a scheme of security already says so, but generated clients have one key for everything, and each job has its own
_OWN_KEY: Schema = {
    "name": "X-Duostyle-Key",
    "in": "header",
    "description": "The key of the job or upload, where `Authorization` does not have it.",
    "schema": {"type": "string"},
}
# openapi-python-client fails on operations with several kinds of body and no optional parameter (its issue 1451)
_TOKEN: Schema = {
    "name": "token",
    "in": "query",
    "description": "The server's token, where `Authorization` does not have it.",
    "schema": {"type": "string"},
}
_PICTURE = {"contentType": "image/*"}


def _pages() -> dict[str, dict[str, Any]]:
    return {
        "/": _get("page", "The page; `?job=ID` opens the live view of a job.", _file("text/html"), security=_OPEN),
        "/status": _get("statusPage", "A page for operators.", _file("text/html"), security=_OPEN),
        "/openapi.json": _get("openapi", "This document.", _ok({"type": "object"})),
        "/asyncapi.json": _get("asyncapi", "The WebSocket's document.", _ok({"type": "object"})),
    }


def _pictures() -> dict[str, dict[str, Any]]:
    size = {"name": "size", "in": "query", "schema": {"type": "integer", "minimum": 16, "maximum": 4096}}
    thumbnail = [_in_path("image", ref("ImageId")), size]
    upload = {
        "application/octet-stream": {"schema": _BYTES},
        "image/*": {"schema": _BYTES},
        "multipart/form-data": {"schema": _form({"file": _BYTES}), "encoding": {"file": _PICTURE}},
    }
    image = {"content": _json(ref("Image")), "links": from_upload()}
    stored = {
        "200": {"description": "The picture was stored before.", **image},
        "201": {"description": "Stored.", **image},
    }
    picture = {
        "200": {"description": "The picture.", "content": _files("image/jpeg", "image/png")},
        "304": {"description": "Not changed."},
    }
    given_up = {"204": {"description": "Deleted, unless a job uses it or somebody else uploaded it too."}}
    keyed = {"security": _KEY, "parameters": [*thumbnail[:1], _OWN_KEY]}
    preview = "What a painting would look like: a picture by a feed-forward network."
    return {
        "/api/images": _post("upload", "Store a picture.", stored, upload),
        "/api/images/{image}": {
            **_get("picture", "A stored picture, upright, without metadata.", picture, thumbnail),
            "delete": _operation("giveUp", "Delete an upload that nothing else uses.", given_up, **keyed),
        },
        "/api/gallery": _get("gallery", "The built-in pictures.", _ok(ref("Gallery"), from_gallery())),
        "/api/preview": _post("preview", preview, _file("image/jpeg"), _json(ref("PreviewOrder"))),
    }


def _jobs() -> dict[str, dict[str, Any]]:
    form = _form(
        {"content": _BYTES, "style": {"type": "array", "items": _BYTES, "minItems": 1, "maxItems": MAX_STYLES}},
        {"params": {"type": "string", "contentMediaType": "application/json", "contentSchema": ref("Params")}},
    )
    pictures = dict.fromkeys(("content", "style"), _PICTURE)
    order = {**_json(ref("Order")), "multipart/form-data": {"schema": form, "encoding": pictures}}
    accepted = {"202": {"description": "Queued.", "content": _json(ref("Accepted")), "links": from_job(keyed=True)}}
    cancelled = _ok(record({"cancelled": FLAG, "state": ref("State")}))
    gone = {"204": {"description": "The job was cancelled if necessary, and deleted."}}
    keyed = {"security": _KEY, "parameters": [_JOB, _OWN_KEY]}
    return {
        "/api/jobs": _post("submit", "Submit a job.", accepted, order),
        "/api/jobs/{job}": {
            **_get("state", "The job's state.", _ok(ref("State"), from_job(keyed=False)), [_JOB]),
            "delete": _operation("forget", "Delete a job and its pictures.", gone, **keyed),
        },
        "/api/jobs/{job}/cancel": {
            "post": _operation("cancel", "Cancel a job; repeating it does no harm.", cancelled, **keyed)
        },
    }


def _painted() -> dict[str, dict[str, Any]]:
    partial = {"name": "partial", "in": "query", "schema": {"enum": [0, 1], "default": 0}}
    depth = {
        "name": "depth",
        "in": "query",
        "description": "Bits per channel; 16 as PNG and TIFF only. A TIFF has 16 where they are there, the others 8.",
        "schema": {"enum": [8, 16]},
    }
    dpi = {
        "name": "dpi",
        "in": "query",
        "description": "Pixels per inch, which the file says to printers; no pixel depends on it.",
        "schema": {"type": "integer", "minimum": MIN_DPI, "maximum": MAX_DPI, "default": USUAL_DPI},
    }
    formats = {"type": "string", "enum": ["png", "jpg", "webp", "tiff"]}
    result = [_JOB, _in_path("format", formats), partial, depth, dpi]
    frame = [_JOB, _in_path("n", {"type": "integer", "minimum": 0})]
    animation = [_JOB, _in_path("format", {"type": "string", "enum": ["webp", "mp4"]})]
    jpeg, animations = _file("image/jpeg"), _file("image/webp", "video/mp4")
    pictures = _file("image/png", "image/jpeg", "image/webp", "image/tiff")
    recorded = _ok(ref("Timelapse"), from_timelapse())
    return {
        "/api/jobs/{job}/result.{format}": _get("result", "The painting.", pictures, result),
        "/api/jobs/{job}/frame.jpg": _get("frame", "The newest preview.", jpeg, [_JOB]),
        "/api/jobs/{job}/timelapse.json": _get("timelapse", "The list of recorded frames.", recorded, [_JOB]),
        "/api/jobs/{job}/timelapse/{n}.jpg": _get("timelapseFrame", "One recorded frame.", jpeg, frame),
        "/api/jobs/{job}/timelapse.{format}": _get(
            "film", "The recorded frames as an animation.", animations, animation
        ),
    }


def _health() -> dict[str, dict[str, Any]]:
    alive = _ok(record({"status": {"const": "alive"}}))
    ready = _ok(record({"status": {"const": "ready"}, "device": TEXT}))
    return {
        "/api/limits": _get("limits", "The limits for clients, and the parameters.", _ok(ref("LimitsAndParams"))),
        "/api/status": _get("status", "What the server is doing, in numbers.", _ok(_condition())),
        "/livez": _get("livez", "Whether the process is up.", alive, security=_OPEN),
        "/readyz": _get("readyz", "Whether jobs are accepted and painted.", ready, security=_OPEN),
        "/metrics": _get("metrics", "Prometheus text.", _file("text/plain")),
    }


def _form(fields: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """The fields of a form: unlike those of JSON objects, unknown ones are refused."""
    return {**record(fields, optional), "additionalProperties": False}


def _condition() -> Schema:
    jobs = record(dict.fromkeys(("waiting", "running", "paused", "max_queue"), COUNT))
    ended = record(dict.fromkeys(("completed", "cancelled", "failed"), COUNT))
    measured = record({"steps": COUNT, "seconds": SECONDS})
    counts = dict.fromkeys(("evaluations", "watchers", "sockets"), COUNT)
    words = {"server": TEXT, "device": TEXT, "precision": TEXT, "ready": FLAG}
    return record({**words, "jobs": jobs, "ended": ended, "measured": measured, **counts})


def _get(
    name: str, summary: str, answers: dict[str, Any], parameters: list[Schema] | None = None, **more: Any
) -> dict[str, Any]:
    given = {} if parameters is None else {"parameters": parameters}
    return {"get": _operation(name, summary, answers, **given, **more)}


def _post(name: str, summary: str, answers: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    body = {"required": True, "content": content}
    return {"post": _operation(name, summary, answers, parameters=[_TOKEN], requestBody=body)}


def _operation(name: str, summary: str, answers: dict[str, Any], **more: Any) -> dict[str, Any]:
    refused = {str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in _statuses()}
    return {"operationId": name, "summary": summary, "responses": {**answers, **refused}, **more}


def _ok(schema: Schema, links: dict[str, Any] | None = None) -> dict[str, Any]:
    linked = {} if links is None else {"links": links}
    return {"200": {"description": "Done.", "content": _json(schema), **linked}}


def _file(*types: str) -> dict[str, Any]:
    return {"200": {"description": "Done.", "content": _files(*types)}}


def _files(*types: str) -> dict[str, Any]:
    return {kind: {"schema": TEXT if kind.startswith("text/") else _BYTES} for kind in types}


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}

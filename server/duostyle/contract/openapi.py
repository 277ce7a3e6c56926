"""The HTTP side of the contract as an OpenAPI 3.1 document, made from the code's own sources (see `schemas`)."""

from __future__ import annotations

from typing import Any

from duostyle.contract.schemas import COUNT, FLAG, SECONDS, TEXT, Schema, components, record, ref
from duostyle.params import MAX_STYLES
from duostyle.protocol.status_codes import codes

JOB = {"name": "job", "in": "path", "required": True, "schema": ref("JobId")}
_KEY: list[dict[str, list[str]]] = [{"jobKey": []}]
_OPEN: list[dict[str, list[str]]] = [{}]
_BYTES: Schema = {"type": "string", "contentMediaType": "application/octet-stream"}


def document(*, version: str) -> dict[str, Any]:
    """The document, for a server of this version."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "duostyle",
            "version": version,
            "summary": "Neural style transfer with live progress.",
            "description": "The live view is a WebSocket at /ws, described by /asyncapi.json. Fields may be added; a "
            "client ignores those that it does not know.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"token": []}, {"tokenInAddress": []}],
        "paths": {path: dict(methods) for path, methods in _paths().items()},
        "components": {
            "schemas": components(),
            "responses": {"Problem": {"description": "Refused.", "content": _json(ref("Error"))}},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Where the server has a token."},
                "tokenInAddress": {"type": "apiKey", "in": "query", "name": "token"},
                "jobKey": {"type": "http", "scheme": "bearer", "description": "The key of the job."},
            },
        },
    }


def _paths() -> dict[str, dict[str, Any]]:
    return {**_pages(), **_pictures(), **_jobs(), **_painted(), **_health()}


def _pages() -> dict[str, dict[str, Any]]:
    return {
        "/": {
            "get": _operation("page", "The page; `?job=ID` opens the live view of a job.", _file("text/html"), _OPEN)
        },
        "/status": {"get": _operation("statusPage", "A page for operators.", _file("text/html"), _OPEN)},
        "/openapi.json": {"get": _operation("openapi", "This document.", _ok({"type": "object"}))},
        "/asyncapi.json": {"get": _operation("asyncapi", "The WebSocket's document.", _ok({"type": "object"}))},
    }


def _pictures() -> dict[str, dict[str, Any]]:
    size = {"name": "size", "in": "query", "schema": {"type": "integer", "minimum": 16, "maximum": 4096}}
    upload = {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": _BYTES},
            "image/*": {"schema": _BYTES},
            "multipart/form-data": {"schema": record({"file": _BYTES})},
        },
    }
    stored = {
        "200": {"description": "It was there already.", "content": _json(ref("Image"))},
        "201": {"description": "Stored.", "content": _json(ref("Image"))},
    }
    picture = {
        "200": {"description": "The picture.", "content": _files("image/jpeg", "image/png")},
        "304": {"description": "Still the same."},
    }
    image = {"name": "image", "in": "path", "required": True, "schema": ref("ImageId")}
    return {
        "/api/images": {"post": _operation("upload", "Keep a picture.", stored, body=upload)},
        "/api/images/{image}": {
            "get": _operation("picture", "A stored picture, upright, without metadata.", picture, with_=[image, size])
        },
        "/api/gallery": {"get": _operation("gallery", "The built-in pictures.", _ok(ref("Gallery")))},
        "/api/preview": {
            "post": _operation(
                "preview",
                "The feed-forward picture (`not_available` until there is a network for it).",
                _file("image/jpeg"),
                body={"required": True, "content": _json(ref("Order"))},
            )
        },
    }


def _jobs() -> dict[str, dict[str, Any]]:
    form = record(
        {"content": _BYTES, "style": {"type": "array", "items": _BYTES, "minItems": 1, "maxItems": MAX_STYLES}},
        {"params": {"type": "string", "contentMediaType": "application/json", "contentSchema": ref("Params")}},
    )
    body = {"required": True, "content": {**_json(ref("Order")), "multipart/form-data": {"schema": form}}}
    accepted = {"202": {"description": "Queued.", "content": _json(ref("Accepted"))}}
    cancelled = _ok(record({"cancelled": FLAG, "state": ref("State")}))
    gone = {"204": {"description": "Cancelled if need be, and forgotten."}}
    return {
        "/api/jobs": {"post": _operation("submit", "Have a picture painted.", accepted, body=body)},
        "/api/jobs/{job}": {
            "get": _operation("state", "The job's state.", _ok(ref("State")), with_=[JOB]),
            "delete": _operation("forget", "Forget a job and its pictures.", gone, _KEY, with_=[JOB]),
        },
        "/api/jobs/{job}/cancel": {
            "post": _operation("cancel", "Cancel, any number of times.", cancelled, _KEY, with_=[JOB])
        },
    }


def _painted() -> dict[str, dict[str, Any]]:
    partial = {"name": "partial", "in": "query", "schema": {"enum": [0, 1], "default": 0}}
    frame = {"name": "n", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 0}}
    painting = _file("image/png", "image/jpeg", "image/webp")
    film = _file("image/webp", "video/mp4")
    return {
        "/api/jobs/{job}/result.{format}": {
            "get": _operation("result", "The painting.", painting, with_=[JOB, _format("png", "jpg", "webp"), partial])
        },
        "/api/jobs/{job}/frame.jpg": {
            "get": _operation("frame", "The newest preview.", _file("image/jpeg"), with_=[JOB])
        },
        "/api/jobs/{job}/timelapse.json": {
            "get": _operation("timelapse", "Which frames were recorded.", _ok(ref("Timelapse")), with_=[JOB])
        },
        "/api/jobs/{job}/timelapse/{n}.jpg": {
            "get": _operation("timelapseFrame", "One recorded frame.", _file("image/jpeg"), with_=[JOB, frame])
        },
        "/api/jobs/{job}/timelapse.{format}": {
            "get": _operation("film", "All recorded frames.", film, with_=[JOB, _format("webp", "mp4")])
        },
    }


def _health() -> dict[str, dict[str, Any]]:
    alive = _ok(record({"status": {"const": "alive"}}))
    ready = _ok(record({"status": {"const": "ready"}, "device": TEXT}))
    return {
        "/api/limits": {"get": _operation("limits", "What a client can run into.", _ok(ref("LimitsAndParams")))},
        "/api/status": {"get": _operation("status", "What the server does now.", _ok(_condition()))},
        "/livez": {"get": _operation("livez", "The process is up.", alive, _OPEN)},
        "/readyz": {"get": _operation("readyz", "Jobs are taken and painted.", ready, _OPEN)},
        "/metrics": {"get": _operation("metrics", "Prometheus text.", _file("text/plain"))},
    }


def _condition() -> Schema:
    jobs = record(dict.fromkeys(("waiting", "running", "paused", "max_queue"), COUNT))
    ended = record(dict.fromkeys(("completed", "cancelled", "failed"), COUNT))
    measured = record({"steps": COUNT, "seconds": SECONDS})
    counts = dict.fromkeys(("evaluations", "watchers", "sockets"), COUNT)
    words = {"server": TEXT, "device": TEXT, "ready": FLAG}
    return record({**words, "jobs": jobs, "ended": ended, "measured": measured, **counts})


def _operation(
    name: str,
    summary: str,
    answers: dict[str, Any],
    security: list[dict[str, list[str]]] | None = None,
    *,
    with_: list[dict[str, Any]] | None = None,
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    refused = {str(status): {"$ref": "#/components/responses/Problem"} for status in sorted(set(codes().values()))}
    made: dict[str, Any] = {"operationId": name, "summary": summary, "responses": {**answers, **refused}}
    if security is not None:
        made["security"] = security
    if with_ is not None:
        made["parameters"] = with_
    if body is not None:
        made["requestBody"] = body
    return made


def _format(*endings: str) -> dict[str, Any]:
    return {"name": "format", "in": "path", "required": True, "schema": {"type": "string", "enum": list(endings)}}


def _ok(schema: Schema) -> dict[str, Any]:
    return {"200": {"description": "Done.", "content": _json(schema)}}


def _file(*types: str) -> dict[str, Any]:
    return {"200": {"description": "Done.", "content": _files(*types)}}


def _files(*types: str) -> dict[str, Any]:
    return {kind: {"schema": TEXT if kind.startswith("text/") else _BYTES} for kind in types}


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}

"""The WebSocket side of the contract as an AsyncAPI 3.0 document, made from the code's own sources (see `schemas`)."""

from __future__ import annotations

from typing import Any

from duostyle.contract.schemas import (
    COUNT,
    NUMBER,
    SECONDS,
    TEXT,
    Schema,
    accepted_fields,
    components,
    frame_options,
    listed,
    nullable,
    record,
    ref,
    state_fields,
)
from duostyle.params import MAX_STYLES
from duostyle.protocol import incoming as protocol
from duostyle.protocol import status_codes as statuses
from duostyle.settings import Settings

_REF: dict[str, Schema] = {"ref": {"type": "string", "maxLength": protocol.MAX_REF_CHARS}}
_JOB: dict[str, Schema] = {"job": ref("JobId")}
_KEYED: dict[str, Schema] = {**_JOB, "key": ref("JobKey")}
_SEQ: Schema = {"type": "integer", "minimum": 0, "maximum": protocol.MAX_SEQ}
_CLOSE_CODES = {
    1000: "done",
    statuses.GOING_AWAY: "going away",
    protocol.NOT_TEXT: "the client sent a binary message",
    1007: "the client sent bad UTF-8",
    statuses.POLICY: "policy: too many messages",
    statuses.TOO_BIG: "the message was too big",
    statuses.INTERNAL: "internal error, or no answer to pings",
    statuses.RESTART: "restart",
    statuses.TRY_LATER: "too slow, or too many sockets",
}
# What each client message is answered with; `subscribe` is answered by the snapshot of the job.
_ANSWERS = {
    "submit": ("accepted", "error"),
    "subscribe": ("state", "error"),
    "cancel": ("ok", "error"),
    "update": ("ok", "error"),
    "pause": ("ok", "error"),
    "resume": ("ok", "error"),
    "preview": ("frame", "error"),
    "ping": ("pong",),
}


def document(*, version: str, host: str, secure: bool) -> dict[str, Any]:
    """The document, for a server of this version that is reached as `host` (with port), over TLS if `secure`."""
    sent, received = server_messages(), client_messages()
    names = [*received, *sent, "frame"]
    most = Settings.model_fields["max_message_bytes"].default
    codes = ", ".join(f"{code} {meaning}" for code, meaning in _CLOSE_CODES.items())
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "duostyle",
            "version": version,
            "description": "The live view: submit, watch and steer jobs. Each text message is one JSON object of at "
            f"most {most} bytes, unless the limits say otherwise; `ref` comes back. Close codes: {codes}.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"this": {"host": host, "protocol": "wss" if secure else "ws"}},
        "channels": {
            "live": {
                "address": "/ws",
                "description": f"Subprotocol {protocol.SUBPROTOCOL}. A token goes into the header `Authorization: "
                "Bearer` or the address `?token=`.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
                "bindings": {"ws": {"query": {"type": "object", "properties": {"token": TEXT}}}},
            }
        },
        "operations": {
            **{name: _received(name) for name in received},
            "tell": {
                "action": "send",
                "channel": {"$ref": "#/channels/live"},
                "summary": "What the server says: `hello` first, then what happens to the jobs that are watched.",
                "messages": [_in_channel(name) for name in [*sent, "frame"]],
            },
        },
        "components": {
            "schemas": {**components(), "FrameHeader": frame_header()},
            "messages": {
                **{name: _message(name, schema) for name, schema in {**received, **sent}.items()},
                "frame": {
                    "name": "frame",
                    "contentType": "application/octet-stream",
                    "summary": "A picture: 4 bytes, big endian, with the length of the header; the header, which is "
                    "JSON as in the schema FrameHeader; the encoded picture.",
                    "payload": {"type": "string", "format": "binary", "x-header": ref("FrameHeader")},
                },
            },
        },
    }


def client_messages() -> dict[str, Schema]:
    """What clients say, by type."""
    order: dict[str, Schema] = {
        "content": ref("ImageId"),
        "styles": listed(ref("ImageId"), minItems=1, maxItems=MAX_STYLES),
    }
    params = {"params": nullable(ref("Params"))}
    frames = {"frames": frame_options()}
    return {
        "submit": _typed("submit", order, {**params, **frames, **_REF}),
        "subscribe": _typed("subscribe", _JOB, {"after": nullable(_SEQ), **frames, **_REF}),
        "unsubscribe": _typed("unsubscribe", _JOB, _REF),
        "cancel": _typed("cancel", _KEYED, _REF),
        "update": _typed("update", {**_KEYED, "params": ref("LiveParams")}, _REF),
        "pause": _typed("pause", _KEYED, _REF),
        "resume": _typed("resume", _KEYED, _REF),
        "ack": _typed("ack", {**_JOB, "seq": _SEQ}, _REF),
        "preview": _typed("preview", order, {**params, **_REF}),
        "ping": _typed("ping", {}, _REF),
    }


def server_messages() -> dict[str, Schema]:
    """What the server says in text, by type."""
    size: dict[str, Schema] = {"width": COUNT, "height": COUNT}
    steps: dict[str, Schema] = {"step": COUNT, "total_steps": COUNT}
    end = {
        **_JOB,
        "seq": COUNT,
        "elapsed_s": SECONDS,
        **steps,
        "costs": nullable(ref("Costs")),
        "report": nullable(ref("Report")),
    }
    partial: dict[str, Schema] = {"partial": {"type": "boolean"}}
    problem = components()["Problem"]
    return {
        "hello": _typed(
            "hello",
            {
                "protocol": {"const": protocol.VERSION},
                "server": TEXT,
                "device": TEXT,
                "limits": ref("Limits"),
                "heartbeat_s": SECONDS,
            },
        ),
        "state": _typed("state", state_fields()),
        "queued": _typed("queued", {**_JOB, "position": COUNT, "eta_s": nullable(SECONDS)}),
        "started": _typed(
            "started", {**_JOB, "total_steps": COUNT, "levels": COUNT, **size, "resumed_from_step": nullable(COUNT)}
        ),
        "progress": _typed(
            "progress",
            {**_JOB, "seq": COUNT, **steps, "level": COUNT, **size, "costs": ref("Costs")}
            | {name: nullable(NUMBER) for name in ("step_s", "elapsed_s", "eta_s")},
        ),
        "completed": _typed("completed", end),
        "failed": _typed("failed", {**end, **partial, "error": ref("Problem")}),
        "cancelled": _typed("cancelled", {**end, **partial}),
        "ok": _typed("ok", {}, _REF),
        "accepted": _typed("accepted", accepted_fields(), _REF),
        "updated": _typed("updated", {**_JOB, "params": ref("LiveParams")}),
        "paused": _typed("paused", _JOB),
        "resumed": _typed("resumed", _JOB),
        "pong": _typed("pong", {}, _REF),
        "error": _typed(
            "error",
            {name: problem["properties"][name] for name in problem["required"]},
            {name: schema for name, schema in problem["properties"].items() if name not in problem["required"]} | _REF,
        ),
        "shutdown": _typed("shutdown", {"retry_s": SECONDS}),
    }


def frame_header() -> Schema:
    """The header of a binary frame."""
    fields: dict[str, Schema] = {
        "job": nullable(ref("JobId")),
        "seq": COUNT,
        "step": COUNT,
        "width": COUNT,
        "height": COUNT,
        "mime": {"const": "image/jpeg"},
        "final": {"type": "boolean"},
    }
    return _typed("frame", fields)


def _typed(name: str, fields: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return record({"type": {"const": name}, **fields}, optional)


def _message(name: str, schema: Schema) -> dict[str, Any]:
    return {"name": name, "payload": schema}


def _in_channel(name: str) -> dict[str, str]:
    return {"$ref": f"#/channels/live/messages/{name}"}


def _received(name: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "action": "receive",
        "channel": {"$ref": "#/channels/live"},
        "messages": [_in_channel(name)],
    }
    if name in _ANSWERS:
        answers = [_in_channel(answer) for answer in _ANSWERS[name]]
        made["reply"] = {"channel": {"$ref": "#/channels/live"}, "messages": answers}
    return made

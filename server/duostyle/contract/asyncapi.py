"""The WebSocket side of the contract as an AsyncAPI 3.0 document, made from the code's own sources (see `schemas`)."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import TypeAdapter

from duostyle.contract.schemas import TEXT, Schema, components, fields_of, plain, record, ref, state_fields
from duostyle.protocol.frames import FrameHeader
from duostyle.protocol.incoming import SCHEMAS, ClientMessage
from duostyle.protocol.outgoing import SUBPROTOCOL, messages
from duostyle.protocol.status_codes import CLOSE_CODES
from duostyle.settings import Settings

_CHANNEL = {"$ref": "#/channels/live"}


def document(*, version: str, host: str, secure: bool) -> dict[str, Any]:
    """The document, for a server of this version that is reached as `host` (with port), over TLS if `secure`."""
    sent, received = server_messages(), client_messages()
    names = [*received, *sent, "frame"]
    most = Settings.model_fields["max_message_bytes"].default
    codes = ", ".join(f"{code} {meaning}" for code, meaning in CLOSE_CODES.items())
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "duostyle",
            "version": version,
            "description": "The live view: submit, watch and steer jobs. Each text message is one JSON object of at "
            f"most {most} bytes, unless the limits say otherwise; the answer repeats its `ref`. Close codes: {codes}.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"this": {"host": host, "protocol": "wss" if secure else "ws"}},
        "channels": {
            "live": {
                "address": "/ws",
                "description": f"Subprotocol {SUBPROTOCOL}. A token is sent in the header `Authorization: "
                "Bearer` or in the address as `?token=`.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
                "bindings": {"ws": {"query": {"type": "object", "properties": {"token": TEXT}}}},
            }
        },
        "operations": {
            **{kind.__name__.lower(): _received(kind) for kind in get_args(ClientMessage)},
            "tell": {
                "action": "send",
                "channel": _CHANNEL,
                "summary": "Messages from the server: `hello` first, then the events of the watched jobs.",
                "messages": [_in_channel(name) for name in [*sent, "frame"]],
            },
        },
        "components": {
            "schemas": {**components(), "FrameOptions": frame_options(), "FrameHeader": frame_header()},
            "messages": {
                **{name: {"name": name, "payload": schema} for name, schema in {**received, **sent}.items()},
                "frame": {
                    "name": "frame",
                    "contentType": "application/octet-stream",
                    "summary": "A picture: the length of the header in 4 bytes, big-endian; the header as JSON "
                    "with the schema FrameHeader; the encoded picture.",
                    "payload": {"type": "string", "format": "binary", "x-header": ref("FrameHeader")},
                },
            },
        },
    }


def client_messages() -> dict[str, Schema]:
    """The messages from clients, by type."""
    return {kind.__name__.lower(): plain(SCHEMAS[kind.__name__]) for kind in get_args(ClientMessage)}


def server_messages() -> dict[str, Schema]:
    """The server's text messages, by type."""
    made = {kind.type: fields_of(kind) for kind in messages()} | {"state": (state_fields(), {})}
    return {name: record({"type": {"const": name}, **fields}, optional) for name, (fields, optional) in made.items()}


def frame_options() -> Schema:
    """How a watcher wants its frames, within the widest limits that a server may have."""
    fields: dict[str, Schema] = plain(SCHEMAS["FrameOptions"])["properties"]
    settings = Settings.model_json_schema()["properties"]
    for name, setting in (("max_px", "max_frame_px"), ("max_fps", "max_fps"), ("window", "max_window")):
        fields[name]["maximum"] = settings[setting]["maximum"]
    return record({}, fields)


def frame_header() -> Schema:
    """The header of a binary frame."""
    fields = plain(TypeAdapter(FrameHeader).json_schema())["properties"]
    optional = {"ref": fields.pop("ref")}
    return record({"type": {"const": "frame"}, **fields}, optional)


def _in_channel(name: str) -> dict[str, str]:
    return {"$ref": f"#/channels/live/messages/{name}"}


def _received(kind: Any) -> dict[str, Any]:
    name = kind.__name__.lower()
    made: dict[str, Any] = {"action": "receive", "channel": _CHANNEL, "messages": [_in_channel(name)]}
    if kind.answers:
        made["reply"] = {"channel": _CHANNEL, "messages": [_in_channel(answer) for answer in kind.answers]}
    return made

"""Every limit for clients, for `GET /api/limits` and the socket's `hello`."""

from __future__ import annotations

from typing import Any

from duostyle.executor.engine_calls import MAX_CALLS
from duostyle.imaging.decode import FORMATS, MAX_SIDE_PX
from duostyle.params import MAX_STYLES
from duostyle.settings import Settings

# Messages of one socket that wait for their turn.
MAX_WAITING = 64

# Limits that are not settings: value and JSON Schema.
_FIXED: dict[str, tuple[Any, dict[str, Any]]] = {
    "max_styles": (MAX_STYLES, {"const": MAX_STYLES}),
    "max_side_px": (MAX_SIDE_PX, {"type": "integer", "minimum": 0}),
    "max_waiting_messages": (MAX_WAITING, {"type": "integer", "minimum": 0}),
    "max_waiting_previews": (MAX_CALLS, {"type": "integer", "minimum": 0}),
    "formats": (list(FORMATS), {"type": "array", "items": {"type": "string", "enum": list(FORMATS)}}),
}


def limits(settings: Settings) -> dict[str, Any]:
    """The settings that limit a client, by their names, and what is fixed."""
    return settings.limits | {name: value for name, (value, _) in _FIXED.items()}


def limit_schemas() -> dict[str, dict[str, Any]]:
    """The JSON Schema of each."""
    properties = Settings.model_json_schema()["properties"]
    shown = {
        name: {key: value for key, value in schema.items() if key not in ("title", "default", "limit")}
        for name, schema in properties.items()
        if "limit" in schema
    }
    return shown | {name: schema for name, (_, schema) in _FIXED.items()}

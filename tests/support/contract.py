"""The contract as tests know it: codes of errors, types that end a job, values that fit the documents' schemas."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from duostyle import errors

PROTOCOL_PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"
# The types of the messages that end a job; its statuses at the end have the same names.
ENDS = ("completed", "failed", "cancelled")
# The types of the messages that clients may send.
CLIENT_MESSAGES = (
    "submit",
    "subscribe",
    "unsubscribe",
    "cancel",
    "update",
    "pause",
    "resume",
    "ack",
    "preview",
    "ping",
)
# The closed list of codes of the contract, and the HTTP status that a client sees with each.
CONTRACT = {
    "bad_request": 422,
    "image_too_large": 413,
    "unsupported_format": 415,
    "corrupt_image": 422,
    "not_found": 404,
    "method_not_allowed": 405,
    "unauthorized": 401,
    "forbidden": 403,
    "not_finished": 409,
    "superseded": 409,
    "not_available": 501,
    "too_many_jobs": 429,
    "too_many_requests": 429,
    "queue_full": 503,
    "shutting_down": 503,
    "storage_unavailable": 503,
    "engine_stalled": 503,
    "internal": 500,
    "engine_failed": 500,
    "device_unavailable": 503,
    "out_of_memory": 500,
    "weights_unavailable": 503,
}


def tree(kind: type[errors.DuostyleError] = errors.DuostyleError) -> Iterator[type[errors.DuostyleError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from tree(child)


def leaves() -> list[type[errors.DuostyleError]]:
    return [kind for kind in tree() if not kind.__subclasses__()]


def closed(schema: Any) -> Any:
    """The schema with every object that lists its fields closed to others: unknown fields are errors too."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        made.setdefault("additionalProperties", False)
    return made


def check(document: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    """Raises AssertionError with what does not fit."""
    whole = {**closed(schema), "components": {"schemas": closed(document["components"]["schemas"])}}
    problems = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(whole).iter_errors(value)]
    assert problems == [], "; ".join(problems)


def named(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}

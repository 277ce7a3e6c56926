"""Compares values with the schemas of a contract document, strictly: what it does not name is an error too."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator


def closed(schema: Any) -> Any:
    """The schema with every object that lists its fields closed to others."""
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

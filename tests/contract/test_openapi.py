"""The document is OpenAPI, describes every route that the app serves and no other, every code and parameter."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import validate
from starlette.routing import Route

from duostyle.contract import openapi
from duostyle.contract.limits import limits
from duostyle.errors import BadRequest
from duostyle.job import Job
from duostyle.params import StyleParams, live_fields
from duostyle.settings import Settings
from duostyle.web.app import create_app
from tests.support.contract import CONTRACT, check, named
from tests.support.fake_engine import FakeEngine

DOCUMENT: dict[str, Any] = openapi.document(version="1.2.3")


def test_it_is_openapi() -> None:
    validate(DOCUMENT)
    assert DOCUMENT["info"]["version"] == "1.2.3"


def test_it_describes_what_is_served_and_nothing_else() -> None:
    app = create_app(Settings(), engine=FakeEngine())
    served = {
        (route.path, method.lower())
        for route in app.routes
        if isinstance(route, Route)
        for method in route.methods or ("GET",)
        if method != "HEAD"
    }
    assert {(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods} == served


def test_every_path_declares_its_parameters() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for operation in methods.values():
            declared = {row["name"] for row in operation.get("parameters", []) if row["in"] == "path"}
            assert declared == {part.partition("}")[0] for part in path.split("{")[1:]}, path


def test_names_of_operations_differ() -> None:
    names = [operation["operationId"] for methods in DOCUMENT["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))


def test_every_code_and_status_is_there() -> None:
    assert DOCUMENT["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == list(CONTRACT)
    for methods in DOCUMENT["paths"].values():
        for operation in methods.values():
            assert {str(status) for status in CONTRACT.values()} <= operation["responses"].keys()


def test_every_parameter_is_there() -> None:
    shown = DOCUMENT["components"]["schemas"]["Params"]["properties"]
    assert list(shown) == list(StyleParams.model_fields)
    assert {name for name, schema in shown.items() if schema["x-live"]} == live_fields()
    assert set(DOCUMENT["components"]["schemas"]["LiveParams"]["properties"]) == live_fields()
    assert shown["size"]["maximum"] == 8192


@pytest.mark.parametrize(
    ("params", "fits"),
    [
        ({}, True),
        ({"size": 64, "style_mix": [1, 0.5], "style_layer_weights": {"relu1_1": 1}, "masks": "auto"}, True),
        ({"masks": ["sha256:" + "0" * 64, None], "style_scale": [0.25, 4], "iterations": None}, True),
        ({"size": 63}, False),
        ({"size": "64"}, False),
        ({"style_layer_weights": {"relu9_9": 1}}, False),
        ({"masks": "diagonal"}, False),
        ({"colour": 1}, False),
    ],
)
def test_parameters_fit_as_the_server_takes_them(params: dict[str, Any], fits: bool) -> None:
    if fits:
        check(DOCUMENT, named("Params"), params)
        StyleParams.model_validate(params)
    else:
        with pytest.raises(AssertionError):
            check(DOCUMENT, named("Params"), params)
        with pytest.raises(ValueError, match="validation error"):
            StyleParams.model_validate(params)


def test_the_state_is_that_of_a_job() -> None:
    image = "sha256:" + "0" * 64
    job = Job("j" * 22, b"", "", image, (image,), StyleParams(), 1.0)
    state = job.state(position=1, eta_s=None)
    assert list(DOCUMENT["components"]["schemas"]["State"]["properties"]) == list(state)
    check(DOCUMENT, named("State"), state)


def test_every_limit_and_every_field_of_an_error_is_there() -> None:
    check(DOCUMENT, named("Limits"), limits(Settings()))
    error = BadRequest("m", field="f", limit=[1], got=2, reached="max_queue")
    check(DOCUMENT, named("Error"), {"error": error.as_dict()})


def test_what_is_not_in_the_document_is_noticed() -> None:
    with pytest.raises(AssertionError, match="unexpected"):
        check(DOCUMENT, named("Error"), {"error": {"code": "internal", "message": "m", "unexpected": 1}})
    with pytest.raises(AssertionError, match="not one of"):
        check(DOCUMENT, named("Error"), {"error": {"code": "oops", "message": "m"}})


def operations() -> dict[str, dict[str, Any]]:
    return {made["operationId"]: made for methods in DOCUMENT["paths"].values() for made in methods.values()}


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """What a reference leads to."""
    if "$ref" not in part:
        return part
    found = DOCUMENT
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def test_every_refusal_has_the_body_of_an_error_and_names_its_codes() -> None:
    for name, operation in operations().items():
        refused = {status: resolved(answer) for status, answer in operation["responses"].items() if status >= "400"}
        assert refused.keys() == {str(status) for status in CONTRACT.values()}, name
        for status, answer in refused.items():
            assert answer["content"] == {"application/json": {"schema": named("Error")}}
            assert {code for code, own in CONTRACT.items() if f"`{code}`" in answer["description"]} == {
                code for code, own in CONTRACT.items() if str(own) == status
            }


def test_files_are_binary() -> None:
    upload = operations()["upload"]["requestBody"]["content"]
    form = operations()["submit"]["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    result = operations()["result"]["responses"]["200"]["content"]
    schemas = [upload["image/*"]["schema"], upload["application/octet-stream"]["schema"], form["content"]]
    schemas += [upload["multipart/form-data"]["schema"]["properties"]["file"], form["style"]["items"]]
    schemas += [result[kind]["schema"] for kind in ("image/png", "image/jpeg", "image/webp")]
    for schema in schemas:
        assert (schema["type"], schema["format"]) == ("string", "binary")
        assert schema["contentMediaType"] == "application/octet-stream"


def expressions(value: Any) -> list[str]:
    """Every pointer into the answer in the values of a link."""
    if isinstance(value, dict):
        return [found for part in value.values() for found in expressions(part)]
    if isinstance(value, list):
        return [found for part in value for found in expressions(part)]
    return [value.strip("{}").removeprefix("$response.body#/")] if "$response.body#/" in value else []


def test_links_lead_from_what_an_answer_has_to_what_an_operation_takes() -> None:
    made, followed = operations(), set()
    for name, operation in made.items():
        for status, answer in operation["responses"].items():
            for link in resolved(answer).get("links", {}).values():
                target = made[link["operationId"]]
                followed.add((name, status, link["operationId"]))
                taken = {parameter["name"] for parameter in target.get("parameters", [])}
                given = {parameter.rpartition(".")[2] for parameter in link.get("parameters", {})}
                assert given <= taken
                if "requestBody" in link:
                    assert link["requestBody"].keys() <= DOCUMENT["components"]["schemas"]["Order"]["properties"].keys()
                for expression in expressions(link):
                    schema = answer["content"]["application/json"]["schema"]
                    for step in expression.split("/"):
                        within = resolved(schema)
                        schema = within["items"] if step == "0" else within["properties"][step]
    assert {
        ("upload", "201", "submit"),
        ("submit", "202", "state"),
        ("submit", "202", "cancel"),
        ("state", "200", "result"),
        ("timelapse", "200", "timelapseFrame"),
    } <= followed

"""The tree of errors, its picture in the docstring, and the table that both edges read agree."""

from __future__ import annotations

import json
import re

import pytest

from duostyle import errors
from duostyle.protocol import status_codes as statuses
from tests.support.contract import CONTRACT, leaves, tree


@pytest.mark.parametrize("kind", list(tree()))
def test_every_class_has_a_row_of_its_own(kind: type[errors.DuostyleError]) -> None:
    assert isinstance(statuses.wire_status(kind("x")), statuses.WireStatus)


def test_codes_and_statuses_are_those_of_the_contract() -> None:
    assert {kind.code: statuses.wire_status(kind("x")).http for kind in leaves()} == CONTRACT


def test_each_leaf_has_its_own_code() -> None:
    codes = [kind.code for kind in leaves()]
    assert len(codes) == len(set(codes))


def test_the_docstring_draws_the_tree() -> None:
    drawn = dict(re.findall(r"[├└]── (\w+) +(\w+):", errors.__doc__ or ""))
    assert drawn == {kind.__name__: kind.code for kind in leaves()}


def test_close_codes_are_legal_and_tell_busy_from_broken() -> None:
    assert statuses.wire_status(errors.Forbidden("x")).close == 1008
    assert statuses.wire_status(errors.ShuttingDown("x")).close == 1012
    assert statuses.wire_status(errors.TooManyRequests("x")).close == 1013
    assert statuses.wire_status(errors.InternalError("x")).close == 1011
    assert {statuses.wire_status(kind("x")).close for kind in tree()} <= {1008, 1009, 1011, 1012, 1013}


def test_the_wire_form_has_only_what_is_known() -> None:
    assert errors.NotFound("gone").as_dict() == {"code": "not_found", "message": "gone"}
    full = errors.BadRequest("no", field="params.size", limit="64 to 2048", got=0)
    assert full.as_dict() == {
        "code": "bad_request",
        "message": "no",
        "field": "params.size",
        "limit": "64 to 2048",
        "got": 0,
    }


def test_an_answer_is_json_with_the_right_headers() -> None:
    status, headers, body = statuses.answer(errors.QueueFull("full", limit=64))
    assert status == 503
    assert headers["Content-Type"] == "application/json"
    assert int(headers["Retry-After"]) > 0
    assert json.loads(body) == {"error": {"code": "queue_full", "message": "full", "limit": 64}}
    assert statuses.answer(errors.Unauthorized("who"))[1]["WWW-Authenticate"] == "Bearer"
    assert "Retry-After" not in statuses.answer(errors.NotFound("gone"))[1]

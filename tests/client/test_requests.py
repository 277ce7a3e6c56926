"""What both clients share, without a server."""

from __future__ import annotations

import json

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from duostyle.client import Client
from duostyle.client.follow import Backoff
from duostyle.client.http import Address, Unreachable
from duostyle.client.requests import Link, answered, order_of, refused_by
from duostyle.errors import BadRequest, DuostyleError


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _link(clock: _Clock | None = None) -> Link:
    return Link(Address("http://127.0.0.1:1"), 30.0, 60.0, clock or _Clock())


def _invalid(status: int, body: bytes) -> InvalidStatus:
    return InvalidStatus(Response(status, "no", Headers(), body))


def test_an_order_is_what_the_contract_wants() -> None:
    assert order_of("a", ("b", "c"), None) == {"content": "a", "styles": ["b", "c"], "params": {}}
    assert order_of("a", ["b"], {"size": 64})["params"] == {"size": 64}


def test_only_the_message_with_the_same_ref_is_the_answer() -> None:
    assert answered(json.dumps({"type": "updated", "ref": "update"}), "update")
    assert not answered(json.dumps({"type": "progress"}), "update")
    assert not answered(b"a frame", "update")
    assert not answered("[]", "update")


def test_an_error_in_answer_is_raised() -> None:
    refusal = {"type": "error", "ref": "pause", "code": "bad_request", "message": "no", "field": "key"}
    with pytest.raises(DuostyleError) as caught:
        answered(json.dumps(refusal), "pause")
    assert caught.value.as_dict()["code"] == "bad_request"


def test_what_is_not_json_is_unexpected() -> None:
    with pytest.raises(Unreachable, match="is this a duostyle server"):
        answered("hello", "pause")


def test_a_refusal_for_good_is_the_servers_own_error() -> None:
    body = json.dumps({"error": {"code": "bad_request", "message": "not this host"}}).encode()
    refused = refused_by(_invalid(403, body))
    assert refused is not None
    assert refused.message == "not this host"
    assert refused_by(OSError("gone")) is None


def test_a_lost_connection_is_tried_again_until_it_is_given_up() -> None:
    clock = _Clock()
    link, backoff = _link(clock), Backoff()
    event = link.lost(OSError("gone"), backoff)
    assert event["type"] == "reconnecting"
    clock.now = 61.0
    with pytest.raises(Unreachable, match=r"no connection to http://127\.0\.0\.1:1: gone"):
        link.lost(OSError("gone"), backoff)


def test_what_is_tried_once_raises_one_of_ours() -> None:
    with pytest.raises(Unreachable, match="TimeoutError"), _link().once():
        raise TimeoutError


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(BadRequest):
        Client("ftp://127.0.0.1")

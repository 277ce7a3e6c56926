"""Addresses of servers, and what HTTP errors become."""

from __future__ import annotations

import pytest

from duostyle import errors
from duostyle.client.http import Address, Remote, Unreachable, error_of
from duostyle.errors import BadRequest, ServerError
from tests.support.contract import leaves


@pytest.mark.parametrize(
    ("given", "base", "socket"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", "ws://127.0.0.1:8000/ws"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000", "ws://127.0.0.1:8000/ws"),
        ("https://example.org/paint/", "https://example.org/paint", "wss://example.org/paint/ws"),
        ("localhost:9", "http://localhost:9", "ws://localhost:9/ws"),
        ("http://[::1]:8000/?job=x", "http://[::1]:8000", "ws://[::1]:8000/ws"),
    ],
)
def test_addresses(given: str, base: str, socket: str) -> None:
    address = Address.parse(given)
    assert (address.base, address.socket) == (base, socket)


@pytest.mark.parametrize("given", ["", "ftp://example.org", "http://", "http://x:99999", "http://x:y", "file:///etc"])
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(BadRequest) as raised:
        Address.parse(given)
    assert raised.value.field == "server"


def test_a_password_goes_into_the_header_and_is_never_shown() -> None:
    address = Address.parse("https://anna:s%40cret@paint.lan:8443/paint/", "secret-token")
    assert (address.base, address.headers) == (
        "https://paint.lan:8443/paint",
        # anna:s@cret
        {"Authorization": "Basic YW5uYTpzQGNyZXQ="},
    )
    # which leaves the token no place but the address
    assert address.socket == "wss://paint.lan:8443/paint/ws?token=secret-token"
    assert address.url("/livez", {"a": 1}) == "https://paint.lan:8443/paint/livez?a=1&token=secret-token"
    assert "cret" not in repr(address)
    for given in ("https://anna:s%40cret@paint.lan:none", "anna:s/cret@paint.lan", "http://anna:80/se?cret@paint.lan"):
        with pytest.raises(BadRequest) as raised:
            Address.parse(given)
        assert "cret" not in str(raised.value.as_dict())
        assert raised.value.message.startswith(("https://paint.lan", "http://paint.lan", "paint.lan"))
    assert "%2F for /" in str(raised.value.limit)
    with pytest.raises(Unreachable) as unreachable:
        Remote(Address.parse("http://anna:s%40cret@127.0.0.1:1"), timeout_s=5).json("GET", "/api/limits")
    assert "cret" not in str(unreachable.value)


def test_a_token_goes_into_the_header() -> None:
    address = Address.parse("http://x", token="secret-token")
    assert address.headers == {"Authorization": "Bearer secret-token"}
    assert address.url("/a b", {"token": "x&y"}) == "http://x/a%20b?token=x%26y"
    assert Address.parse("http://x").headers == {}


@pytest.mark.parametrize("kind", leaves())
def test_every_error_comes_back_as_it_was(kind: type[errors.DuostyleError]) -> None:
    sent = kind("what happened", field="f", limit=[1, 2], got=3, reached="max_queue")
    came = error_of(sent.as_dict(), "otherwise")
    assert type(came) is kind
    assert came.as_dict() == sent.as_dict()


@pytest.mark.parametrize("problem", [None, "text", {}, {"code": "of_tomorrow"}])
def test_an_unknown_error_is_still_an_error(problem: object) -> None:
    came = error_of(problem, "the server answered with status 500")
    assert isinstance(came, ServerError)
    assert came.message == "the server answered with status 500"


def test_nobody_there_is_unreachable() -> None:
    # port 1 of this machine: nothing listens there
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1"):
        Remote(Address.parse("http://127.0.0.1:1"), timeout_s=5).json("GET", "/api/limits")

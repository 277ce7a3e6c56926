"""Host names, origins and tokens, case by case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duostyle.web.guard import access


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("localhost", ("localhost", None)),
        ("LocalHost.:80", ("localhost", 80)),
        ("[::1]:8000", ("::1", 8000)),
        ("[0:0::1]", ("::1", None)),
        ("[::ffff:127.0.0.1]", ("127.0.0.1", None)),
        ("", None),
        (":80", None),
        ("a:b", None),
        ("a:99999", None),
        ("a/b", None),
        ("user@a", None),
        ("a b", None),
        ("a;script-src *", None),
        ("[::1", None),
    ],
)
def test_split_host(value: str, expected: object) -> None:
    assert access.split_host(value) == expected


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ("localhost:1234", True),
        ("127.0.0.1", True),
        ("[::1]:80", True),
        ("192.168.1.5:8000", True),
        ("192.168.1.6:8000", True),
        ("paint.example", True),
        ("paint.example:9", True),
        ("tls.example:443", True),
        ("tls.example:444", False),
        ("tls.example", False),
        ("[fd00::1]:80", True),
        ("[fd00::2]:80", True),
        ("192.168.1.6.evil.example", False),
        ("192.168.1", False),
        ("0x7f000001", False),
        ("evil.example", False),
        ("xpaint.example", False),
        ("paint.example.evil.example", False),
        ("", False),
    ],
)
def test_only_known_hosts(value: str, good: bool) -> None:
    allowed = ["paint.example", "tls.example:443", "fd00::1"]
    assert access.host_allowed(value, listening=["192.168.1.5"], allowed=allowed) is good


def test_a_star_allows_any_name_but_not_nonsense() -> None:
    assert access.host_allowed("evil.example", listening=[], allowed=["*"])
    assert not access.host_allowed("evil example", listening=[], allowed=["*"])


@pytest.mark.parametrize(
    ("origin", "scheme", "host", "same"),
    [
        ("http://localhost:8000", "http", "localhost:8000", True),
        ("http://LOCALHOST:8000", "http", "localhost:8000", True),
        ("http://a.example", "http", "a.example", True),
        ("http://a.example", "http", "a.example:80", True),
        ("https://a.example", "https", "a.example", True),
        ("https://a.example", "https", "a.example:443", True),
        ("http://[::1]:8000", "http", "[::1]:8000", True),
        ("https://a.example", "http", "a.example", False),
        ("http://a.example", "https", "a.example", False),
        ("http://localhost:8001", "http", "localhost:8000", False),
        ("http://localhost", "http", "localhost:8000", False),
        ("http://evil.example", "http", "a.example", False),
        ("http://a.example.evil", "http", "a.example", False),
        ("http://a.example/", "http", "a.example", False),
        ("http://a.example?x", "http", "a.example", False),
        ("http://evil@a.example", "http", "a.example", False),
        ("null", "http", "a.example", False),
        ("file://", "http", "a.example", False),
        ("ftp://a.example", "ftp", "a.example", False),
        ("http://a.example:x", "http", "a.example", False),
        ("", "http", "", False),
    ],
)
def test_same_origin(origin: str, scheme: str, host: str, same: bool) -> None:
    assert access.same_origin(origin, scheme, host) is same


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_text_upsets_the_decisions(one: str, two: str) -> None:
    access.split_host(one)
    access.same_origin(one, "http", two)
    access.host_allowed(one, listening=[two], allowed=[two])
    access.client_of(one)
    assert access.token_among([one], [two]) == (one if one == two else None)


def test_tokens() -> None:
    assert access.token_among(["other", "secret"], ["wrong", "secret"]) == "secret"
    assert access.token_among(["secret"], []) is None
    assert access.token_among([], ["secret"]) is None
    assert access.token_among(["secret"], ["secre", "secret ", "", "\ud800"]) is None


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer secret", "secret"),
        ("bearer  secret ", "secret"),
        ("Basic secret", ""),
        ("secret", ""),
        ("Bearer", ""),
        ("", ""),
    ],
)
def test_bearer(header: str, token: str) -> None:
    assert access.bearer(header) == token


def test_a_tokens_client_does_not_tell_the_token() -> None:
    one, two = access.client_of_token("a-secret-of-some-length"), access.client_of_token("another-secret-as-long")
    assert one == access.client_of_token("a-secret-of-some-length")
    assert one != two
    assert one.startswith("token:")
    assert "secret" not in one


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("0.0.0.0", False),  # noqa: S104
        ("::", False),
        ("10.0.0.1", False),
        ("2001:db8::1", False),
        ("fe80::1%eth0", False),
        ("name", False),
    ],
)
def test_only_loopback_is_this_machines_own(address: str, loopback: bool) -> None:
    assert access.is_loopback(address) is loopback


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("/run/socket", "/run/socket"),
        (None, "unknown"),
    ],
)
def test_clients(address: str | None, client: str) -> None:
    assert access.client_of(address) == client

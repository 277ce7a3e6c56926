"""Host names, origins, tokens and limits, case by case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import access


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
        ("192.168.1.6:8000", False),
        ("paint.example", True),
        ("paint.example:9", True),
        ("tls.example:443", True),
        ("tls.example:444", False),
        ("tls.example", False),
        ("[fd00::1]:80", True),
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
    ("origin", "host", "same"),
    [
        ("http://localhost:8000", "localhost:8000", True),
        ("http://LOCALHOST:8000", "localhost:8000", True),
        ("http://a.example", "a.example", True),
        ("http://a.example", "a.example:80", True),
        ("https://a.example", "a.example", True),
        ("https://a.example", "a.example:443", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("http://localhost:8001", "localhost:8000", False),
        ("http://localhost", "localhost:8000", False),
        ("http://evil.example", "a.example", False),
        ("null", "a.example", False),
        ("file://", "a.example", False),
        ("ftp://a.example", "a.example", False),
        ("http://a.example:x", "a.example", False),
        ("", "", False),
    ],
)
def test_same_origin(origin: str, host: str, same: bool) -> None:
    assert access.same_origin(origin, host) is same


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_text_upsets_the_decisions(one: str, two: str) -> None:
    access.split_host(one)
    access.same_origin(one, two)
    access.host_allowed(one, listening=[two], allowed=[two])
    access.client_of(one)
    assert access.token_matches(one, [two]) is (one == two)


def test_tokens() -> None:
    assert access.token_matches("secret", ["wrong", "secret"])
    assert not access.token_matches("secret", [])
    assert not access.token_matches("secret", ["secre", "secret ", "\ud800"])


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


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_rate_limit_fills_again_and_counts_each_client_alone() -> None:
    clock = Clock()
    rate = access.RateLimit(2, clock)
    assert [rate.take("a") for _ in range(4)] == [0, 0, 0, 0]
    assert rate.take("a") == pytest.approx(0.5)
    assert rate.take("b") == 0
    clock.now = 0.5
    assert rate.take("a") == 0
    assert rate.take("a") > 0
    clock.now = 1000.0
    assert [rate.take("a") > 0 for _ in range(5)] == [False] * 4 + [True]


def test_asking_while_refused_does_not_make_it_worse() -> None:
    clock = Clock()
    rate = access.RateLimit(1, clock)
    while rate.take("a") == 0:
        pass
    for tenth in range(1, 11):
        clock.now = tenth / 10
        last = rate.take("a")
    assert last == 0


def test_the_rate_limit_forgets_the_oldest_of_many_clients() -> None:
    rate = access.RateLimit(1, Clock())
    for number in range(11_000):
        rate.take(str(number))
    assert len(rate._left) == 10_000


def test_seats_are_counted_in_all_and_per_client() -> None:
    seats = access.Seats(total=3, per_client=2)
    assert [seats.take("a") for _ in range(3)] == [True, True, False]
    assert [seats.take("b") for _ in range(2)] == [True, False]
    seats.give_back("a")
    assert seats.take("b")
    assert not seats.take("a")

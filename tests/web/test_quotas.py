"""Rates and seats are counted for each client and for all."""

from __future__ import annotations

import pytest

from duostyle.errors import BusyError, QueueFull, TooManyRequests
from duostyle.web.guard.quotas import RateLimit, Seats, TokenBucket
from tests.support.clock import Clock


def test_the_rate_limit_fills_again_and_counts_each_client_alone() -> None:
    clock = Clock()
    rate = RateLimit(2, clock)
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
    rate = RateLimit(1, clock)
    while rate.take("a") == 0:
        pass
    for tenth in range(1, 11):
        clock.now = tenth / 10
        last = rate.take("a")
    assert last == 0


def test_the_rate_limit_forgets_the_oldest_of_many_clients() -> None:
    rate = RateLimit(1, Clock())
    for number in range(11_000):
        rate.take(str(number))
    assert len(rate) == 10_000


def test_a_bucket_holds_no_more_than_its_burst() -> None:
    bucket = TokenBucket(per_s=4, burst=3, now=0.0)
    assert [bucket.take(100.0) for _ in range(3)] == [0, 0, 0]
    assert bucket.take(100.0) == pytest.approx(0.25)
    assert bucket.take(100.25) == 0


def test_seats_are_counted_in_all_and_per_client() -> None:
    seats = Seats("open doors", "max_doors", total=3, per_client=2)

    def full(client: str) -> type[BusyError] | None:
        try:
            seats.take(client)
        except BusyError as error:
            return type(error)
        return None

    assert [full("a") for _ in range(3)] == [None, None, TooManyRequests]
    assert [full("b") for _ in range(2)] == [None, QueueFull]
    seats.give_back("a")
    assert full("b") is None
    assert full("a") is QueueFull


def test_a_refused_client_learns_which_limit_it_was() -> None:
    seats = Seats("open doors", "max_doors", total=2, per_client=1)
    with seats.taken("a"):
        with pytest.raises(TooManyRequests, match="too many open doors from this client") as one:
            seats.take("a")
        with seats.taken("b"), pytest.raises(QueueFull, match="too many open doors") as all_taken:
            seats.take("c")
    assert (one.value.limit, one.value.reached) == (1, "max_doors_per_client")
    assert (all_taken.value.limit, all_taken.value.reached) == (2, "max_doors")
    seats.take("a")

"""Signs of life, on a clock made of numbers."""

from __future__ import annotations

from duostyle.serving.liveness import Liveness


def made() -> Liveness:
    return Liveness(write_s=30, pong_s=10)


def test_nothing_is_expected_of_a_client_that_owes_nothing() -> None:
    liveness = made()
    assert not liveness.waits
    assert not liveness.dead(1e9, 0)


def test_who_takes_nothing_is_dead_after_the_write_patience() -> None:
    liveness = made()
    liveness.blocked(100, 5000)
    assert liveness.waits
    assert not liveness.dead(129.9, 5000)
    assert liveness.dead(130, 5000)


def test_who_takes_a_little_now_and_then_lives() -> None:
    liveness = made()
    liveness.blocked(100, 5000)
    for look in range(1, 100):
        assert not liveness.dead(100 + 25 * look, 5000 + look)
    assert not liveness.dead(2575 + 29, 5099)
    assert liveness.dead(2575 + 30, 5099)


def test_who_takes_it_all_is_forgiven() -> None:
    liveness = made()
    liveness.blocked(100, 5000)
    liveness.flowing()
    assert not liveness.waits
    assert not liveness.dead(200, 5000)


def test_talking_does_not_save_who_takes_nothing() -> None:
    liveness = made()
    liveness.blocked(100, 5000)
    liveness.heard(129)
    assert liveness.dead(130, 5000)


def test_who_owes_a_pong_is_dead_after_the_pong_patience() -> None:
    liveness = made()
    liveness.asked(100, 5000, ahead=6)
    # it was delivered, so the answer is due from then on
    assert not liveness.dead(101, 5006)
    assert not liveness.dead(110.9, 5006)
    assert liveness.dead(111, 5006)


def test_a_pong_or_any_other_word_is_a_sign_of_life() -> None:
    answered, talking = made(), made()
    for liveness in (answered, talking):
        liveness.asked(100, 5000, ahead=0)
    answered.answered()
    talking.heard(105)
    assert not answered.waits
    assert not answered.dead(1000, 5000)
    assert not talking.dead(114.9, 5000)
    assert talking.dead(115, 5000)


def test_a_ping_behind_a_large_frame_is_waited_for_while_the_frame_moves() -> None:
    liveness = made()
    liveness.asked(100, 0, ahead=1_000_000)
    for second in range(1, 51):
        assert not liveness.dead(100 + second, 20_000 * second)
    # the ping has arrived in the 50th second
    assert not liveness.dead(159.9, 1_000_000)
    assert liveness.dead(160, 1_000_000)


def test_what_comes_after_the_ping_is_no_sign_of_life() -> None:
    # the client's system takes small messages long after the client itself has stopped
    liveness = made()
    liveness.asked(100, 5000, ahead=6)
    assert not liveness.dead(101, 5100)
    assert not liveness.dead(110, 6000)
    assert liveness.dead(111, 6100)


def test_a_later_ping_does_not_put_off_the_first() -> None:
    liveness = made()
    liveness.asked(100, 5000, ahead=0)
    liveness.asked(109, 5000, ahead=6)
    assert liveness.dead(110, 5000)


def test_a_buffer_that_empties_counts_like_acknowledged_bytes() -> None:
    # where the system does not tell, minus the length of our own buffer stands for what was delivered
    liveness = made()
    liveness.blocked(100, -90_000)
    assert not liveness.dead(120, -60_000)
    assert not liveness.dead(149, -60_000)
    assert liveness.dead(150, -60_000)

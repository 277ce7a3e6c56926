"""Signs of life on a clock made of numbers, and what the system says about a connection."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest

from duostyle.serving.listener import listen
from duostyle.serving.websocket_protocol import Liveness, acknowledged_bytes, queued_bytes
from duostyle.settings import Settings

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a TCP connection: the server's, which never blocks, and the client's, which takes little."""
    with listen(Settings(port=0)) as listening, socket.socket() as client:
        listening.setblocking(True)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(listening.getsockname())
        accepted, _ = listening.accept()
        with accepted:
            accepted.setblocking(False)
            yield accepted, client


@linux
def test_delivered_bytes_are_counted(pair: tuple[socket.socket, socket.socket]) -> None:
    server, client = pair
    before = acknowledged_bytes(server)
    assert before is not None
    server.sendall(b"x" * 1000)
    assert len(client.recv(1000, socket.MSG_WAITALL)) == 1000
    assert acknowledged_bytes(server) == before + 1000
    assert queued_bytes(server) == 0


@linux
def test_bytes_that_nobody_takes_stay_in_the_queue(pair: tuple[socket.socket, socket.socket]) -> None:
    server, client = pair
    before = acknowledged_bytes(server) or 0
    sent = 0
    try:
        while True:
            sent += server.send(bytes(65536))
    except BlockingIOError:
        pass
    queued = queued_bytes(server)
    assert 0 < queued <= sent
    # every byte is either taken by the other end's system or still in the queue of ours
    assert (acknowledged_bytes(server) or 0) - before + queued_bytes(server) == sent
    client.recv(65536)


def test_nothing_is_known_of_a_connection_that_is_gone() -> None:
    closed = socket.socket()
    closed.close()
    assert acknowledged_bytes(closed) is None
    assert queued_bytes(closed) == 0
    assert acknowledged_bytes(None) is None


def made() -> Liveness:
    return Liveness(write_s=30, pong_s=10)


def test_nothing_is_expected_of_a_client_that_owes_nothing() -> None:
    liveness = made()
    assert not liveness.expects
    assert not liveness.dead(1e9, 0)


def test_a_client_that_takes_nothing_is_dead_after_the_write_timeout() -> None:
    liveness = made()
    liveness.blocked(100, 5000)
    assert liveness.expects
    assert not liveness.dead(129.9, 5000)
    assert liveness.dead(130, 5000)


def test_a_client_that_takes_a_little_now_and_then_lives() -> None:
    liveness = made()
    liveness.blocked(100, 5000)
    for look in range(1, 100):
        assert not liveness.dead(100 + 25 * look, 5000 + look)
    assert not liveness.dead(2575 + 29, 5099)
    assert liveness.dead(2575 + 30, 5099)


def test_a_client_that_takes_it_all_lives() -> None:
    liveness = made()
    liveness.blocked(100, 5000)
    liveness.flowing()
    assert not liveness.expects
    assert not liveness.dead(200, 5000)


def test_talking_does_not_save_a_client_that_takes_nothing() -> None:
    liveness = made()
    liveness.blocked(100, 5000)
    liveness.heard(129)
    assert liveness.dead(130, 5000)


def test_a_client_that_owes_a_pong_is_dead_after_the_pong_timeout() -> None:
    liveness = made()
    liveness.pinged(100, 5000, ahead=6)
    # it was delivered, so the answer is due from then on
    assert not liveness.dead(101, 5006)
    assert not liveness.dead(110.9, 5006)
    assert liveness.dead(111, 5006)


def test_a_pong_or_any_other_message_is_a_sign_of_life() -> None:
    answered, talking = made(), made()
    for liveness in (answered, talking):
        liveness.pinged(100, 5000, ahead=0)
    answered.ponged()
    talking.heard(105)
    assert not answered.expects
    assert not answered.dead(1000, 5000)
    assert not talking.dead(114.9, 5000)
    assert talking.dead(115, 5000)


def test_a_ping_behind_a_large_frame_is_waited_for_while_the_frame_moves() -> None:
    liveness = made()
    liveness.pinged(100, 0, ahead=1_000_000)
    for second in range(1, 51):
        assert not liveness.dead(100 + second, 20_000 * second)
    # the ping has arrived in the 50th second
    assert not liveness.dead(159.9, 1_000_000)
    assert liveness.dead(160, 1_000_000)


def test_what_comes_after_the_ping_is_no_sign_of_life() -> None:
    # the client's system takes small messages long after the client itself has stopped
    liveness = made()
    liveness.pinged(100, 5000, ahead=6)
    assert not liveness.dead(101, 5100)
    assert not liveness.dead(110, 6000)
    assert liveness.dead(111, 6100)


def test_a_later_ping_does_not_put_off_the_first() -> None:
    liveness = made()
    liveness.pinged(100, 5000, ahead=0)
    liveness.pinged(109, 5000, ahead=6)
    assert liveness.dead(110, 5000)


def test_a_buffer_that_empties_counts_like_acknowledged_bytes() -> None:
    # where the system does not say, minus the length of our own buffer stands for what was delivered
    liveness = made()
    liveness.blocked(100, -90_000)
    assert not liveness.dead(120, -60_000)
    assert not liveness.dead(149, -60_000)
    assert liveness.dead(150, -60_000)

"""What the system tells of a connection."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest

from duostyle.serving import websocket_protocol as sockets
from duostyle.serving.listener import listen
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
    before = sockets.acknowledged_bytes(server)
    assert before is not None
    server.sendall(b"x" * 1000)
    assert len(client.recv(1000, socket.MSG_WAITALL)) == 1000
    assert sockets.acknowledged_bytes(server) == before + 1000
    assert sockets.queued_bytes(server) == 0


@linux
def test_bytes_that_nobody_takes_stay_in_the_queue(pair: tuple[socket.socket, socket.socket]) -> None:
    server, client = pair
    before = sockets.acknowledged_bytes(server) or 0
    sent = 0
    try:
        while True:
            sent += server.send(bytes(65536))
    except BlockingIOError:
        pass
    queued = sockets.queued_bytes(server)
    assert 0 < queued <= sent
    # every byte is either taken by the other end's system or still in the queue of ours
    assert (sockets.acknowledged_bytes(server) or 0) - before + sockets.queued_bytes(server) == sent
    client.recv(65536)


def test_a_connection_that_is_gone_tells_nothing() -> None:
    closed = socket.socket()
    closed.close()
    assert sockets.acknowledged_bytes(closed) is None
    assert sockets.queued_bytes(closed) == 0
    assert sockets.acknowledged_bytes(None) is None

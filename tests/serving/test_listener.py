"""Listening, its errors, and the limit on open files."""

from __future__ import annotations

import socket
import sys
from urllib.parse import urlsplit

import pytest

from duostyle.errors import BadRequest
from duostyle.serving.listener import address, allow_files, listen, network_address
from duostyle.settings import Settings

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")


def test_a_free_port_is_found_and_told() -> None:
    with listen(Settings(port=0)) as listening:
        port = listening.getsockname()[1]
        assert address(listening) == f"http://127.0.0.1:{port}/"


def test_an_open_server_is_shown_where_this_machine_finds_it() -> None:
    with listen(Settings(host="0.0.0.0", port=0, no_token=True)) as listening:  # noqa: S104
        assert address(listening).startswith("http://127.0.0.1:")


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104
def test_other_machines_are_told_an_address_of_this_one(host: str) -> None:
    try:
        listening = listen(Settings(host=host, port=0, no_token=True))
    except BadRequest:
        pytest.skip(f"this machine has no {host}")
    with listening:
        told, port = network_address(listening), listening.getsockname()[1]
    # a machine without a network has none
    if told is not None:
        parts = urlsplit(told)
        assert (parts.scheme, parts.port, parts.path) == ("http", port, "/")
        assert parts.hostname not in (None, "127.0.0.1", "::1", host)
        # only an address of this machine can be listened on
        socket.create_server((str(parts.hostname), 0), family=listening.family).close()


def test_a_server_for_this_machine_alone_tells_others_nothing() -> None:
    with listen(Settings(port=0)) as listening:
        assert network_address(listening) is None


def test_an_address_that_others_reach_needs_a_token_or_a_word() -> None:
    host = "0.0.0.0"  # noqa: S104
    with pytest.raises(BadRequest, match="--no-token") as raised:
        listen(Settings(host=host, port=0))
    assert raised.value.field == "token"
    listen(Settings(host=host, port=0, token="long-enough-for-a-token")).close()
    listen(Settings(host=host, port=0, no_token=True)).close()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost"])
def test_this_machines_own_addresses_need_none(host: str) -> None:
    listen(Settings(host=host, port=0)).close()


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadRequest, match=f"port {port}"):
            listen(Settings(port=port))


def test_an_address_that_is_not_ours_is_named() -> None:
    with pytest.raises(BadRequest, match=r"192\.0\.2\.1"):
        listen(Settings(host="192.0.2.1", port=0))


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux only")
def test_stalled_connections_are_given_up_by_the_system() -> None:
    with listen(Settings(port=0, send_timeout_s=7)) as listening:
        assert listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7000


@linux
def test_the_system_holds_little_that_is_not_sent() -> None:
    with listen(Settings(port=0)) as listening:
        held = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)
        assert 0 < held <= 256 * 1024


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_the_limit_on_open_files_is_raised_and_never_lowered() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    hard = before[1] if before[1] != resource.RLIM_INFINITY else 10_000
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard - 10, before[1]))
        allow_files(hard - 5)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == hard - 5
        allow_files(100)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == hard - 5
        allow_files(hard + 1000)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] in (hard, hard + 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

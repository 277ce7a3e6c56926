"""The socket that the server listens on: its address, its errors, and the system's options for its connections."""

from __future__ import annotations

import socket
import sys

from duostyle.errors import BadRequest
from duostyle.settings import Settings
from duostyle.web.guard import access

_BACKLOG = 512
# What the system may hold unsent for one connection: more is only memory, and delay for what comes after it.
_UNSENT_BYTES = 128 * 2**10


def listen(settings: Settings) -> socket.socket:
    """A socket that listens on `host` and `port`. Raises BadRequest when that cannot be, or needs a token."""
    host, port = settings.host, settings.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_ADDRCONFIG)
        family, kind, protocol, _, where = found[0]
        _check_open(settings, str(where[0]))
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise BadRequest(f"cannot listen on {host}: {error.strerror}", field="host") from None
    try:
        _set_options(listening, settings.send_timeout_s)
        listening.bind(where)
        listening.listen(_BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise BadRequest(f"cannot listen on {host} port {port}: {error.strerror}", field="port") from None
    return listening


def allow_files(wanted: int) -> None:
    """Let the process open this many files and connections, as far as the system permits."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < enough:
        resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))


def address(listening: socket.socket) -> str:
    """Where a browser on this machine finds the page."""
    host, port = listening.getsockname()[:2]
    return _url({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port)  # noqa: S104


def network_address(listening: socket.socket) -> str | None:
    """Where other machines find the page when it listens on all addresses; None otherwise, or without a network."""
    host, port = listening.getsockname()[:2]
    # an address of the documents, which is nowhere: asking for the way to it sends nothing
    far = {"0.0.0.0": "192.0.2.1", "::": "2001:db8::1"}.get(host)  # noqa: S104
    if far is None:
        return None
    try:
        with socket.socket(listening.family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 9))
            own = str(probe.getsockname()[0])
    except OSError:
        return None
    return None if access.is_loopback(own) else _url(own, port)


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _check_open(settings: Settings, address: str) -> None:
    if settings.tokens or settings.no_token or access.is_loopback(address):
        return
    raise BadRequest(
        f"{settings.host} can be reached by other machines: set a token with --token, or let anyone in with --no-token",
        field="token",
    )


def _set_options(listening: socket.socket, send_timeout_s: float) -> None:
    """Accepted sockets inherit these."""
    if sys.platform != "win32":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Without it a reader that stalls holds its connection, and what waits to be sent, for as long as it likes:
        # closing waits for the buffer to empty.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(send_timeout_s * 1000))
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)

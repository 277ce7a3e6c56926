"""Who may come in: host names, origins, the token, and how much one client may ask for. Pure decisions, no sockets."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterable
from typing import Literal
from urllib.parse import urlsplit

_LOCAL = ("localhost", "127.0.0.1", "::1")
_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{1,300}")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_CLIENTS = 10_000


def split_host(value: str) -> tuple[str, int | None] | None:
    """A Host header as (name, port), lower case and without brackets; None when it is not one."""
    try:
        parts = urlsplit("//" + value)
        if not _HOST.fullmatch(value) or not parts.hostname:
            return None
        return _plain(parts.hostname), parts.port
    except ValueError:
        return None


def host_allowed(value: str, *, listening: Iterable[str], allowed: Iterable[str]) -> bool:
    """Whether a Host header names this server: itself, an address it listens on, or a name (or name:port) of `allowed`.

    Any other name may be an attacker's that resolves to this machine (DNS rebinding).
    """
    host = split_host(value)
    if host is None:
        return False
    if host[0] in _LOCAL or host[0] in {_plain(name) for name in listening}:
        return True
    for entry in allowed:
        if entry == "*":
            return True
        wanted = split_host(f"[{entry}]" if _is_ipv6(entry) else entry)
        if wanted is not None and wanted[0] == host[0] and wanted[1] in (None, host[1]):
            return True
    return False


def same_origin(origin: str, scheme: str, host: str) -> bool:
    """Whether an Origin header is the page of this very server: `scheme` (http or https) and Host as requested."""
    try:
        parts = urlsplit(origin)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
        own = split_host(host)
    except ValueError:
        return False
    if own is None or not parts.hostname or parts.scheme != scheme or scheme not in _DEFAULT_PORTS:
        return False
    # an origin has no path; one with more to it was not written by a browser
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        return False
    return (_plain(parts.hostname), port) == (own[0], own[1] or _DEFAULT_PORTS[scheme])


def token_among(tokens: Collection[str], offered: Iterable[str]) -> str | None:
    """The first of `tokens` that was offered. All are compared, each in constant time; offers may hold anything."""
    found = None
    for offer in offered:
        for token in tokens:
            if hmac.compare_digest(token.encode(), offer.encode("utf-8", "surrogatepass")):
                found = found or token
    return found


def client_of_token(token: str) -> str:
    """Who shows a token counts as one client, wherever it is. The name may be stored: it does not tell the token."""
    return "token:" + hashlib.sha256(token.encode()).hexdigest()[:16]


def is_loopback(address: str) -> bool:
    """Whether only programs of this machine reach a socket bound to `address`."""
    try:
        return ipaddress.ip_address(address.split("%")[0]).is_loopback
    except ValueError:
        return False


def client_of(address: str | None) -> str:
    """Who counts as one client: an IPv4 address, or the /64 network that one IPv6 customer has."""
    try:
        ip = ipaddress.ip_address((address or "").split("%")[0])
    except ValueError:
        return address or "unknown"
    if ip.version == 4:
        return str(ip)
    if ip.ipv4_mapped:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, 64), strict=False))


class RateLimit:
    """So many requests a second per client, twice as many in one burst. Memory is bounded."""

    def __init__(self, per_s: float, clock: Callable[[], float]) -> None:
        self._per_s = per_s
        self._burst = max(1.0, 2 * per_s)
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """0.0 when the client may go on, else the seconds to wait."""
        now = self._clock()
        left, at = self._left.pop(client, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_s)
        wait_s = 0.0 if left >= 1 else (1 - left) / self._per_s
        self._left[client] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > _MAX_CLIENTS:
            self._left.popitem(last=False)
        return wait_s


class Seats:
    """So many at once, and so many of one client."""

    def __init__(self, total: int, per_client: int) -> None:
        self._total = total
        self._per_client = per_client
        self._taken: Counter[str] = Counter()

    def take(self, client: str) -> Literal["all", "client"] | None:
        """None when there was one; else whether all are taken, or all that one client may have."""
        if self._taken.total() >= self._total:
            return "all"
        if self._taken[client] >= self._per_client:
            return "client"
        self._taken[client] += 1
        return None

    def give_back(self, client: str) -> None:
        self._taken[client] -= 1
        if self._taken[client] <= 0:
            del self._taken[client]


class Room:
    """So many bytes at once, of all clients."""

    def __init__(self, total_bytes: int) -> None:
        self._total = total_bytes
        self.taken = 0

    def fits(self, bytes: int) -> bool:
        return self.taken + bytes <= self._total

    def take(self, bytes: int) -> bool:
        if not self.fits(bytes):
            return False
        self.taken += bytes
        return True

    def give_back(self, bytes: int) -> None:
        self.taken -= bytes


def _plain(name: str) -> str:
    name = name.lower().strip("[]").rstrip(".")
    try:
        ip = ipaddress.ip_address(name)
    except ValueError:
        return name
    return str(ip.ipv4_mapped or ip) if ip.version == 6 else str(ip)


def _is_ipv6(entry: str) -> bool:
    try:
        return ipaddress.ip_address(entry).version == 6
    except ValueError:
        return False

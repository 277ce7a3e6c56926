"""Who may use the server: host names, origins, tokens, and who counts as one client. Pure decisions, no sockets."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Collection, Iterable, Mapping
from urllib.parse import urlsplit

_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{1,300}")
_DEFAULT_PORTS = {"http": 80, "https": 443}


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
    """Whether a Host header names this server: itself, any IP address, a name it listens on, or a name (or name:port)
    of `allowed`.

    Any other name may be an attacker's that resolves to this machine (DNS rebinding, which needs a name).
    """
    host = split_host(value)
    if host is None:
        return False
    if host[0] == "localhost" or _is_ip(host[0]) or host[0] in {_plain(name) for name in listening}:
        return True
    for entry in allowed:
        if entry == "*":
            return True
        wanted = split_host(entry)
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
    # an origin has no path; a browser would not send one with more
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


def bearer(authorization: str) -> str:
    """The token or key in an Authorization header of the kind Bearer; empty when there is none."""
    kind, _, value = authorization.partition(" ")
    return value.strip() if kind.lower() == "bearer" else ""


def offered_key(headers: Mapping[str, str]) -> str:
    """The key of a job or an upload, or an empty one, which nothing has. A proxy may use Authorization itself."""
    return headers.get("x-duostyle-key") or bearer(headers.get("authorization", ""))


def client_of_token(token: str) -> str:
    """The client that a token stands for, at any address. The name may be stored: it does not reveal the token."""
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


def _plain(name: str) -> str:
    name = name.lower().strip("[]").rstrip(".")
    try:
        ip = ipaddress.ip_address(name)
    except ValueError:
        return name
    return str(ip.ipv4_mapped or ip) if ip.version == 6 else str(ip)


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

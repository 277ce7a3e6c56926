"""nginx and Caddy as programs on free ports, with the recipes of deploy/; ports, paths and keys are changed."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.support.real_server.programs import done, needed, program
from tests.support.real_server.running import Running

ROOT = Path(__file__).resolve().parents[3]
NAME = "paint.example.org"
Kind = Literal["nginx", "caddy"]
_GUARD_S = 30.0
# what nginx.conf of the system has around a site; in one process, which leaves no workers behind when it is killed
_NGINX = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
events {}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxied;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include site.conf;
}
"""
# no control port, and no certificate authority of its own
_CADDY = """{
	admin off
	auto_https disable_redirects
	skip_install_trust
}
"""

# a company's proxy: the upgrade is dropped on its way, or /ws is blocked
NO_SOCKETS = {
    "nginx": [("proxy_set_header Upgrade           $http_upgrade;", ""), ("$duostyle_connection;", '"";')],
    "caddy": [("\t\treverse_proxy", '\t\t@sockets path /ws\n\t\trespond @sockets "blocked" 403\n\t\treverse_proxy')],
}
SMALL_BODIES = {
    "nginx": [("client_max_body_size 0", "client_max_body_size 100k")],
    "caddy": [("\t\treverse_proxy", "\t\trequest_body {\n\t\t\tmax_size 100KB\n\t\t}\n\t\treverse_proxy")],
}


@dataclass(frozen=True)
class Certificate:
    """Of NAME, signed by itself."""

    chain: Path
    key: Path

    def trusted(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.chain))


@dataclass(frozen=True)
class Proxy:
    """A proxy that listens. `url` is what a visitor types, without the slash at the end."""

    port: int
    path: str
    certificate: Certificate

    @property
    def url(self) -> str:
        return f"https://{NAME}:{self.port}{self.path}"

    @property
    def origin(self) -> str:
        """What a browser calls the page's origin."""
        return f"https://{NAME}:{self.port}"

    def http(self, **options: Any) -> httpx.AsyncClient:
        """A client that finds NAME on this machine; it sends the Origin as the page does."""
        headers = {"Origin": self.origin, **options.pop("headers", {})}
        transport = _OnThisMachine(verify=self.certificate.trusted())
        return httpx.AsyncClient(base_url=self.url, transport=transport, headers=headers, timeout=_GUARD_S, **options)

    def socket(self, **options: Any) -> connect:
        """A WebSocket as the page opens it."""
        address = self.url.replace("https", "wss", 1) + "/ws"
        given = {"origin": self.origin, "subprotocols": ["duostyle.v1"], **options}
        return connect(address, host="127.0.0.1", port=self.port, ssl=self.certificate.trusted(), **given)


class _OnThisMachine(httpx.AsyncHTTPTransport):
    """As if a name server said that NAME is this machine."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions = {**request.extensions, "sni_hostname": request.url.host}
        request.url = request.url.copy_with(host="127.0.0.1")
        return await super().handle_async_request(request)


def recommended() -> dict[str, Any]:
    """The settings that deploy/duostyle.env names."""
    lines = (ROOT / "deploy" / "duostyle.env").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("=", 1) for line in lines if line.startswith("DUOSTYLE_")]
    return {name.removeprefix("DUOSTYLE_").lower(): json.loads(value.strip("'")) for name, value in pairs}


def recipe(kind: Kind) -> str:
    """The file of deploy/ for this proxy."""
    return (ROOT / "deploy" / {"nginx": "nginx.conf", "caddy": "Caddyfile"}[kind]).read_text(encoding="utf-8")


def replaced(text: str, *changes: tuple[str, str]) -> str:
    """`text` with every change made; one that changes nothing is an error of the test."""
    for old, new in changes:
        assert old in text, f"the recipe has no {old!r}"
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("certificate")
    made = Certificate(folder / "chain.pem", folder / "key.pem")
    options = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},DNS:localhost"]
    made_it = done("openssl", "req", *options, *names, "-keyout", made.key, "-out", made.chain)
    assert made_it.returncode == 0, made_it.stderr
    return made


@pytest.fixture(params=["nginx", "caddy"])
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    needed(chosen)
    return chosen


@pytest.fixture
def basic(kind: Kind, tmp_path: Path) -> list[tuple[str, str]]:
    """The changes that ask for Basic authentication, of anna with the password `secret of the test`."""
    if kind == "nginx":
        hashed = done("openssl", "passwd", "-apr1", "secret of the test").stdout.strip()
        (tmp_path / "htpasswd").write_text(f"anna:{hashed}\n", encoding="utf-8")
        return [("#auth_basic", "auth_basic"), ("/etc/nginx/duostyle.htpasswd", str(tmp_path / "htpasswd"))]
    hashed = done(kind, "hash-password", "--plaintext", "secret of the test").stdout.strip()
    return [("#basicauth {\n\t#\tNAME HASH\n\t#}", f"basicauth {{\n\t\tanna {hashed}\n\t}}")]


@pytest.fixture
def proxied(tmp_path: Path, certificate: Certificate) -> Iterator[Callable[..., Proxy]]:
    """Start proxies of this test: `proxied(kind, running, path="/paint", changes=[(old, new)])`."""
    with contextlib.ExitStack() as stack:

        def start(kind: Kind, running: Running, *, path: str = "", changes: Sequence[tuple[str, str]] = ()) -> Proxy:
            folder = tmp_path / kind
            folder.mkdir()
            port = _free_port()
            write = {"nginx": _write_nginx, "caddy": _write_caddy}[kind]
            text = replaced(recipe(kind), *changes)
            command = write(folder, text, running.url.removeprefix("http://"), Proxy(port, path, certificate))
            log = stack.enter_context((folder / "log").open("w+"))
            # what Caddy keeps between runs stays in the folder of the test
            environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
            # killed in the end: a proxy that is told to go waits for its visitors, for ever if need be
            process = stack.enter_context(
                program([needed(kind), *command], cwd=folder, env=environment, stdout=log, stderr=log)
            )
            _wait_for(port, process, folder / "log")
            return Proxy(port, path, certificate)

        yield start


def _write_nginx(folder: Path, text: str, upstream: str, proxy: Proxy) -> list[str]:
    site = replaced(
        text,
        ("/etc/ssl/paint.example.org.pem", str(proxy.certificate.chain)),
        ("/etc/ssl/paint.example.org.key", str(proxy.certificate.key)),
        ("listen 443 ssl", f"listen 127.0.0.1:{proxy.port} ssl"),
        ("server 127.0.0.1:8000", f"server {upstream}"),
        ("location / ", f"location {proxy.path}/ "),
    )
    (folder / "site.conf").write_text(site, encoding="utf-8")
    (folder / "main.conf").write_text(_NGINX, encoding="utf-8")
    return ["-p", str(folder), "-c", "main.conf", "-e", "stderr"]


def _write_caddy(folder: Path, text: str, upstream: str, proxy: Proxy) -> list[str]:
    pair = f"{proxy.certificate.chain} {proxy.certificate.key}"
    name = "localhost" if "\nlocalhost {" in text else NAME
    changes = [
        ("#tls /etc/ssl/paint.example.org.pem /etc/ssl/paint.example.org.key", f"tls {pair}"),
        (f"\n{name} {{", f"\n{name}:{proxy.port} {{\n\tbind 127.0.0.1"),
        ("reverse_proxy 127.0.0.1:8000", f"reverse_proxy {upstream}"),
        ("handle_path /*", f"handle_path {proxy.path}/*"),
    ]
    if proxy.path:
        changes.append(("#redir /paint /paint/", f"redir {proxy.path} {proxy.path}/"))
    (folder / "Caddyfile").write_text(_CADDY + replaced(text, *changes), encoding="utf-8")
    return ["run", "--config", "Caddyfile", "--adapter", "caddyfile"]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[str], log: Path) -> None:
    give_up = time.monotonic() + _GUARD_S
    while True:
        if process.poll() is not None or time.monotonic() > give_up:
            pytest.fail("the proxy does not start:\n" + log.read_text(encoding="utf-8"))
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return

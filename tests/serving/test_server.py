"""What uvicorn is given, and a whole process from its first line to its end."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from duostyle.errors import BadRequest
from duostyle.serving import listener as listening
from duostyle.serving import server as serve
from duostyle.settings import Settings
from duostyle.storage.store import Store
from duostyle.web.app import create_app
from tests.support.fake_engine import FakeEngine
from tests.support.real_server.server_process import ServerProcess


@pytest.mark.parametrize(
    ("proxies", "believed", "from_whom"),
    [([], False, []), (["10.0.0.1", "10.1.0.0/16"], True, ["10.0.0.1", "10.1.0.0/16"]), (["*"], True, "*")],
)
def test_proxies_are_believed_only_where_the_settings_name_them(
    proxies: list[str], believed: bool, from_whom: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    settings = Settings(trusted_proxy=proxies)
    config = serve.config(create_app(settings, engine=FakeEngine()), settings)
    assert (config.proxy_headers, config.forwarded_allow_ips) == (believed, from_whom)


def test_uvicorn_gets_what_a_live_view_needs() -> None:
    settings = Settings(heartbeat_s=3, max_message_bytes=2048)
    config = serve.config(create_app(settings, engine=FakeEngine()), settings)
    assert (config.ws_max_size, config.ws_ping_interval) == (2048, 3)
    assert config.ws_per_message_deflate is False


async def test_a_data_folder_in_use_is_an_error_of_the_caller(tmp_path: Path) -> None:
    store = Store(tmp_path)
    await store.open()
    settings = Settings(data_dir=tmp_path, port=0)
    with listening.listen(settings) as taken, pytest.raises(BadRequest, match="another server"):
        await serve.run(create_app(settings, engine=FakeEngine()), settings, taken, lambda server: None)
    await store.close()


def begun(folder: Path, on_hangup: signal.Handlers) -> ServerProcess:
    """A server that inherits this for SIGHUP, whatever the tests themselves have inherited, from nohup for example."""
    before = signal.signal(signal.SIGHUP, on_hangup)
    try:
        return ServerProcess(folder, {"gated": True})
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.real_server
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_process_says_where_it_is_and_ends_politely(tmp_path: Path, number: signal.Signals) -> None:
    with begun(tmp_path, signal.SIG_DFL) as server:
        out = server.process.stdout
        assert out is not None
        ready = out.readline()
        assert ready.startswith("duostyle is ready: http://127.0.0.1:")
        assert httpx.get(ready.split()[-1] + "livez").status_code == 200
        server.terminate(number)
        assert asyncio.run(server.ended(30)) == 0
        assert out.read() == ""
    assert "Traceback" not in server.log.read_text("utf-8")


@pytest.mark.real_server
def test_under_nohup_the_end_of_the_terminal_is_not_the_end(tmp_path: Path) -> None:
    with begun(tmp_path, signal.SIG_IGN) as server:
        url = server.until_listening()
        server.terminate(signal.SIGHUP)
        assert httpx.get(f"{url}/livez").status_code == 200
        server.terminate()
        assert asyncio.run(server.ended(30)) == 0


@pytest.mark.real_server
def test_a_server_for_all_says_where_others_find_it(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, {"gated": True}, host="0.0.0.0", no_token=True) as server:  # noqa: S104
        out = server.process.stdout
        assert out is not None
        assert out.readline().startswith("duostyle is ready: http://127.0.0.1:")
        with listening.listen(Settings(host="0.0.0.0", port=0, no_token=True)) as other:  # noqa: S104
            told = listening.network_address(other)
        if told is not None:
            line = out.readline()
            assert line.startswith(f"other machines reach it at http://{urlsplit(told).hostname}:")
            # and it answers there, by that very address
            assert httpx.get(f"{line.split()[-1]}api/limits").status_code == 200
        server.terminate()
        assert asyncio.run(server.ended(30)) == 0
        assert out.read() == ""

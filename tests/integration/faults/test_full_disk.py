"""A server process that really cannot write: a limit on its files, or a file system of a megabyte that is full."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from duostyle.imaging import decode as images
from tests.support.fake_engine import image_bytes, proof_of, state_after
from tests.support.real_server.http_client import Client
from tests.support.real_server.running import Running
from tests.support.real_server.server_process import ServerProcess
from tests.support.real_server.socket_client import TIMEOUT_S, socket

pytestmark = [
    pytest.mark.real_server,
    pytest.mark.skipif(sys.platform != "linux", reason="the limit and the mount are Linux's"),
]

Switch = Callable[[int, bool], None]


def _limit(pid: int, full: bool) -> None:
    import resource

    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0 if full else hard, hard))


@pytest.fixture(params=["limit", "file system"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Switch]:
    """What makes writing in `tmp_path / "data"` impossible (True) or possible again for a process."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    if request.param == "limit":
        yield _limit
        return
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False, timeout=60).returncode != 0:
        pytest.skip("no file system can be mounted here")

    def fill(pid: int, full: bool) -> None:
        ballast = folder / "ballast"
        if not full:
            ballast.unlink()
            return
        with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as file:
            while True:
                file.write(b"x" * 512)

    try:
        yield fill
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=60)


async def ready(http: httpx.AsyncClient) -> tuple[int, str]:
    answer = await http.get("/readyz")
    return answer.status_code, answer.json().get("error", {}).get("code", "")


async def test_a_job_survives_a_disk_without_room_and_all_mends_itself(disk: Switch, tmp_path: Path) -> None:
    with ServerProcess(tmp_path, {"steps": 30, "gated": True, "proves": True, "size": (64, 48)}) as server:
        server.until_ready()
        await survives(server, disk)


async def survives(server: ServerProcess, switch: Switch) -> None:
    async with httpx.AsyncClient(base_url=server.url) as raw, socket(server.url) as watcher:
        http = Client(raw)
        accepted = await http.submit(seed=7)
        waiting = await http.submit(seed=8)
        await watcher.watch(accepted["job"])
        # the painting stands still until the disk is full, however long that takes
        server.release(1)
        await watcher.until("progress")
        switch(server.pid, True)
        upload = await raw.post("/api/images", content=image_bytes((9, 9, 9), (60, 60)))
        assert (upload.status_code, upload.json()["error"]["code"]) == (503, "storage_unavailable")
        assert int(upload.headers["retry-after"]) > 0
        assert await ready(raw) == (503, "storage_unavailable")
        assert (await raw.get("/livez")).status_code == 200
        assert "duostyle_storage_available 0.0" in (await raw.get("/metrics")).text
        server.release(29)
        async with asyncio.timeout(TIMEOUT_S):
            while (state := await http.state(accepted["job"]))["step"] < 30:
                assert state["status"] == "running"
        key = {"Authorization": f"Bearer {waiting['key']}"}
        assert (await raw.post(f"/api/jobs/{waiting['job']}/cancel", headers=key)).json()["cancelled"]
        assert (await http.state(accepted["job"]))["status"] == "running", "no end before it is stored"
        switch(server.pid, False)
        assert (await watcher.until("completed", "failed", "cancelled"))["type"] == "completed"
        result = await raw.get(f"/api/jobs/{accepted['job']}/result.png")
        assert images.decode(result.content) == proof_of(state_after(7, 30))
        async with asyncio.timeout(TIMEOUT_S):
            while await ready(raw) != (200, ""):
                pass
            while (await http.state(waiting["job"]))["status"] != "cancelled":
                pass
        after = await http.submit(seed=9)
        await watcher.watch(after["job"])
        server.release(30)
        assert (await watcher.until("completed", "failed"))["type"] == "completed"


async def test_a_data_folder_that_vanishes_makes_the_server_not_ready(
    start: Callable[..., Running], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duostyle.web.app._LOOK_EVERY_S", 0.01)
    running = start()
    data = running.settings.state_dir

    async def until_ready(http: httpx.AsyncClient, status: int) -> str:
        async with asyncio.timeout(TIMEOUT_S):
            while (answer := await http.get("/readyz")).status_code != status:
                pass
        return answer.text

    async with httpx.AsyncClient(base_url=running.url) as http:
        await until_ready(http, 200)
        data.rename(tmp_path / "elsewhere")
        assert "the data folder cannot be used: No such file or directory" in await until_ready(http, 503)
        (tmp_path / "elsewhere").rename(data)
        await until_ready(http, 200)

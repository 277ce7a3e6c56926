"""The Python client against a real server: painting, watching through a restart, steering, errors; no torch."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from duostyle.client import AsyncClient, Client, Event, Frame, Ticket, Unreachable
from duostyle.errors import BadRequest, Forbidden, ImageTooLarge, NotFinished, NotFound, Unauthorized, UnsupportedFormat
from duostyle.imaging import decode as images
from tests.support.fake_engine import FakeEngine, image_bytes, picture_of
from tests.support.real_server.running import Running

pytestmark = pytest.mark.real_server
TOKEN = "a-token-of-some-length"


def kind(event: Event) -> str:
    return "frame" if isinstance(event, Frame) else str(event["type"])


def test_it_needs_no_torch_and_nothing_of_the_server() -> None:
    script = (
        "import sys, duostyle.client\n"
        "mine = {'.'.join(name.split('.')[:2]) for name in sys.modules if name.startswith('duostyle.')}\n"
        "print(sorted({'torch', 'numpy', 'PIL', 'starlette', 'uvicorn'} & sys.modules.keys()), sorted(mine))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[] ['duostyle.client', 'duostyle.errors', 'duostyle.protocol']"


def test_an_upload_is_deleted_with_its_key(running: Running) -> None:
    client = Client(running.url)
    stored = client.store(image_bytes((4, 5, 6)))
    with pytest.raises(Forbidden):
        client.delete_image(stored["id"], "wrong")
    client.delete_image(stored["id"], stored["key"])
    with pytest.raises(NotFound):
        client.delete_image(stored["id"], stored["key"])


def test_a_picture_that_is_too_large_is_refused_in_the_words_of_the_server(running: Running) -> None:
    client = Client(running.url)
    # far more than the buffers on the way hold: the server closes the connection while it is sent
    with pytest.raises(ImageTooLarge, match="larger than") as raised:
        client.upload(bytes(72_000_000))
    assert raised.value.reached == "max_upload_bytes"


def test_paint_and_look(running: Running) -> None:
    client = Client(running.url)
    image = client.upload(image_bytes())
    events = list(client.paint(image, [image] * 2, {"iterations": 7}, frames={"max_px": 64}))
    seen = [kind(event) for event in events]
    assert (seen[0], seen[-1]) == ("accepted", "completed")
    assert seen[-2] == "frame"
    last, end = events[-2], events[-1]
    assert isinstance(last, Frame)
    assert not isinstance(end, Frame)
    assert last.final
    assert abs(images.decode(last.image).rgb[0] - 7) <= 2
    assert (end["step"], end["report"]["share"]) == (7, [0.25, 0.75])
    job = str(end["job"])
    assert images.decode(client.result(job)) == picture_of(7)
    assert client.state(job)["status"] == "completed"
    assert client.timelapse(job)["count"] >= 1
    assert client.limits()["max_styles"] == 4
    # who comes later sees the same end
    late = list(client.watch(job, frames={}))
    assert [kind(event) for event in late] == ["state", "frame", "completed"]
    assert [kind(event) for event in client.watch(job, frames={}, after=last.seq)] == ["state", "completed"]


async def test_the_same_awaited(running: Running) -> None:
    client = AsyncClient(running.url)
    image = await client.upload(image_bytes())
    events = [event async for event in client.paint(image, [image], {"iterations": 7}, frames={"max_px": 64})]
    seen = [kind(event) for event in events]
    assert (seen[0], seen[-2:]) == ("accepted", ["frame", "completed"])
    end = events[-1]
    assert not isinstance(end, Frame)
    job = str(end["job"])
    assert images.decode(await client.result(job)) == picture_of(7)
    assert (await client.state(job))["step"] == 7
    assert (await client.timelapse(job))["ended"]
    assert (await client.limits())["max_styles"] == 4
    assert [kind(event) async for event in client.watch(job)] == ["state", "completed"]


def test_steering(start: Callable[..., Running]) -> None:
    engine = FakeEngine(steps=50, gated=True)
    client = Client(start(engine).url)
    image = client.upload(image_bytes())
    ticket = client.submit(image, [image])
    watching = client.watch(ticket.job)
    assert kind(next(watching)) == "state"
    for steer, fields, told in (
        ("pause", {}, "paused"),
        ("resume", {}, "resumed"),
        ("update", {"params": {"style_weight": 3.5}}, "updated"),
    ):
        client.steer(ticket, steer, **fields)  # type: ignore[arg-type]
        while kind(event := next(watching)) != told:
            pass
    assert not isinstance(event, Frame)
    assert event["params"] == {"style_weight": 3.5}
    with pytest.raises(BadRequest, match="size"):
        client.steer(ticket, "update", params={"size": 64})
    with pytest.raises(Forbidden):
        client.steer(Ticket(ticket.job, "wrong"), "pause")
    with pytest.raises(Forbidden):
        client.cancel(Ticket(ticket.job, "wrong"))
    with pytest.raises(NotFinished):
        client.result(ticket.job)
    assert client.cancel(ticket)
    assert not client.cancel(ticket)
    assert kind(list(watching)[-1]) == "cancelled"
    client.delete(ticket)
    with pytest.raises(NotFound):
        client.state(ticket.job)
    with pytest.raises(NotFound):
        list(client.watch(ticket.job))


async def test_steering_awaited(start: Callable[..., Running]) -> None:
    client = AsyncClient(start(FakeEngine(steps=50, gated=True)).url)
    image = await client.upload(image_bytes())
    ticket = await client.submit(image, [image])
    await client.steer(ticket, "pause")
    assert (await client.state(ticket.job))["status"] == "paused"
    with pytest.raises(BadRequest, match="size"):
        await client.steer(ticket, "update", params={"size": 64})
    assert await client.cancel(ticket)
    await client.delete(ticket)
    with pytest.raises(NotFound):
        await client.state(ticket.job)


def test_refusals_are_the_servers_own_errors(running: Running) -> None:
    client = Client(running.url)
    with pytest.raises(UnsupportedFormat):
        client.upload(b"no picture")
    image = client.upload(image_bytes())
    with pytest.raises(BadRequest, match="size") as raised:
        list(client.paint(image, [image], {"size": 1}))
    assert raised.value.field == "params.size"
    with pytest.raises(NotFound):
        list(client.watch("nobody"))


def test_the_token_is_shown_everywhere(start: Callable[..., Running]) -> None:
    url = start(token=TOKEN).url
    for token in (None, "b-token-of-some-length"):
        with pytest.raises(Unauthorized):
            Client(url, token=token).upload(image_bytes())
        with pytest.raises(Unauthorized):
            next(Client(url, token=token).watch("x"))
    client = Client(url, token=TOKEN)
    image = client.upload(image_bytes())
    events = list(client.paint(image, [image]))
    accepted = events[0]
    assert not isinstance(accepted, Frame)
    assert not client.cancel(Ticket(accepted["job"], accepted["key"]))
    client.delete(Ticket(accepted["job"], accepted["key"]))


def test_watching_goes_on_through_a_restart(start: Callable[..., Running]) -> None:
    first = start(FakeEngine(steps=4, gated=True))
    port = int(first.url.rpartition(":")[2])
    client = Client(first.url)
    image = client.upload(image_bytes())
    ticket = client.submit(image, [image])
    heard: list[str] = []
    frames: list[int] = []
    lost = threading.Event()
    watching = threading.Event()

    def watch() -> None:
        for event in client.watch(ticket.job, frames={}):
            heard.append(kind(event))
            if isinstance(event, Frame):
                frames.append(event.seq)
            elif event["type"] == "reconnecting":
                lost.set()
            watching.set()

    thread = threading.Thread(target=watch)
    thread.start()
    assert watching.wait(20)
    first.stop()
    assert lost.wait(20)
    start(FakeEngine(steps=4), port=port)
    thread.join(60)
    assert not thread.is_alive()
    assert heard[-1] == "completed"
    assert heard.count("completed") == 1
    assert {"shutdown", "reconnecting"} <= set(heard)
    assert frames == sorted(set(frames)), "no picture twice"


async def test_awaiting_goes_on_through_a_restart(start: Callable[..., Running]) -> None:
    first = start(FakeEngine(steps=4, gated=True))
    port = int(first.url.rpartition(":")[2])
    client = AsyncClient(first.url)
    image = await client.upload(image_bytes())
    ticket = await client.submit(image, [image])
    heard: list[str] = []
    lost, watching = asyncio.Event(), asyncio.Event()

    async def watch() -> None:
        async for event in client.watch(ticket.job):
            heard.append(kind(event))
            watching.set()
            if heard[-1] == "reconnecting":
                lost.set()

    task = asyncio.create_task(watch())
    await asyncio.wait_for(watching.wait(), 20)
    await asyncio.to_thread(first.stop)
    await asyncio.wait_for(lost.wait(), 20)
    await asyncio.to_thread(start, FakeEngine(steps=4), port=port)
    await asyncio.wait_for(task, 60)
    assert heard[-1] == "completed"


def test_a_server_that_stays_away_is_given_up() -> None:
    now = iter(range(0, 10_000, 200))
    client = Client("http://127.0.0.1:1", give_up_s=300.0, clock=lambda: float(next(now)))
    watching = client.watch("x")
    assert [kind(next(watching)), kind(next(watching))] == ["reconnecting", "reconnecting"]
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1"):
        next(watching)


def test_the_example_paints(running: Running, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(image_bytes())
    example = Path(__file__).parents[2] / "docs" / "examples" / "paint.py"
    command = [sys.executable, str(example), running.url, "a.png", "a.png"]
    environment = {**os.environ, "PYTHONPATH": str(example.parents[2])}
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=True, env=environment, timeout=60
    )
    assert "'type': 'completed'" in done.stdout.splitlines()[-1]
    assert images.decode((tmp_path / "painting.png").read_bytes()) == picture_of(5)
    assert (tmp_path / "frame.jpg").exists()

"""What the socket refuses, and that a stalled or hostile client delays nobody."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from duostyle.contract.limits import MAX_WAITING
from tests.support.contract import ENDS
from tests.support.fake_engine import FakeEngine
from tests.support.harness import Rig, Wire, rig, soon, wire


async def submit(built: Rig, client: Wire, styles: int = 1, **fields: Any) -> dict[str, Any]:
    client.say("submit", ref="s", content=built.content, styles=[built.style] * styles, **fields)
    return (await client.until("accepted", "error"))[-1]


def kinds(heard: list[dict[str, Any]]) -> list[str]:
    return [message["type"] for message in heard]


@pytest.mark.parametrize(
    ("text", "code", "ref"),
    [
        ("no json", "bad_request", None),
        ("[1]", "bad_request", None),
        ('{"type":5,"ref":"r"}', "bad_request", "r"),
        ('{"type":"subscribe","ref":"r"}', "bad_request", "r"),
        ('{"type":"subscribe","ref":"r","job":"unknown"}', "not_found", "r"),
        ('{"type":"subscribe","job":"\\ud800"}', "not_found", None),
        ('{"type":"cancel","ref":"r","job":"unknown","key":"k"}', "not_found", "r"),
        ('{"type":"preview","ref":"r"}', "bad_request", "r"),
        ('{"type":"submit","ref":"r"}', "bad_request", "r"),
        ('{"type":"ping","ref":5}', "bad_request", None),
    ],
)
async def test_an_error_is_answered_and_does_not_close(tmp_path: Path, text: str, code: str, ref: str | None) -> None:
    async with rig(tmp_path) as built, wire(built) as client:
        client.say_text(text)
        error = await client.hear()
        assert (error["type"], error["code"], error.get("ref")) == ("error", code, ref)
        client.say("ping")
        assert (await client.hear())["type"] == "pong"


async def test_unknown_types_are_ignored(tmp_path: Path) -> None:
    async with rig(tmp_path) as built, wire(built) as client:
        client.say("dance", ref="x")
        client.say("ping", ref="after")
        assert (await client.hear())["ref"] == "after"


async def test_a_wrong_key_is_forbidden(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built, wire(built) as client:
        accepted = await submit(built, client)
        for kind, more in (("cancel", {}), ("pause", {}), ("resume", {}), ("update", {"params": {"style_weight": 1}})):
            client.say(kind, ref=kind, job=accepted["job"], key="wrong", **more)
            error = (await client.until("error"))[-1]
            assert (error["ref"], error["code"]) == (kind, "forbidden")


async def test_binary_from_a_client_closes_1003(tmp_path: Path) -> None:
    async with rig(tmp_path) as built, wire(built) as client:
        client.say_bytes(b"x")
        assert await client.hear() == {"type": "close", "code": 1003}


async def test_a_flood_closes_1008(tmp_path: Path) -> None:
    async with rig(tmp_path, max_messages_per_s=20) as built, wire(built, clock=lambda: 5.0) as client:
        for _ in range(21):
            client.say("ping")
        heard = await client.until("close")
        assert heard[-1]["code"] == 1008
        assert len(heard) <= 21


async def test_too_many_subscriptions(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True), max_subscriptions=2) as built, wire(built) as client:
        await submit(built, client)
        await submit(built, client)
        error = await submit(built, client)
        assert (error["type"], error["code"]) == ("error", "too_many_requests")
        other = await built.submit()
        client.say("subscribe", ref="x", job=other.job)
        error = (await client.until("error"))[-1]
        assert (error["code"], error["limit"]) == ("too_many_requests", 2)


async def test_shutdown_is_told_before_1012(tmp_path: Path) -> None:
    async with rig(tmp_path) as built, wire(built) as client:
        built.hub.shutdown(5.0)
        assert await client.hear() == {"type": "shutdown", "retry_s": 5.0}
        assert await client.hear() == {"type": "close", "code": 1012}
        await soon(built.hub.until_empty())


async def test_a_stalled_client_delays_nobody(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=40)) as built, wire(built) as stalled, wire(built) as healthy:
        stalled.flowing.clear()
        accepted = await submit(built, healthy)
        stalled.say("subscribe", job=accepted["job"])
        heard = await healthy.until(*ENDS)
        assert kinds(heard)[-1] == "completed"
        stalled.flowing.set()
        assert kinds(await stalled.until("state", *ENDS))[-1] in ("state", *ENDS)


async def test_progress_stays_small_with_four_styles(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=3, gated=True)) as built, wire(built) as client:
        await submit(built, client, styles=4, frames=False)
        built.engine.release()
        while True:
            event = await client.event()
            if '"progress"' in event["text"]:
                break
        assert len(event["text"].encode()) <= 300
        assert len(json.loads(event["text"])["costs"]["style"]) == 4


async def test_the_reader_reads_while_a_message_is_being_handled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built, wire(built) as client:
        gate = asyncio.Event()

        async def slow(*_: Any, **__: Any) -> None:
            await gate.wait()

        monkeypatch.setattr(built.jobs.queries, "watch", slow)
        client.say("subscribe", job="j")
        client.say("ping", ref="p")
        assert await client.hear() == {"type": "pong", "ref": "p"}
        gate.set()


async def test_an_unforeseen_error_is_answered_as_internal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with rig(tmp_path) as built, wire(built) as client:

        async def broken(*_: Any, **__: Any) -> None:
            raise ZeroDivisionError("secret")

        monkeypatch.setattr(built.jobs.queries, "watch", broken)
        client.say("subscribe", ref="r", job="j")
        error = await client.hear()
        assert (error["code"], error["ref"]) == ("internal", "r")
        assert "secret" not in json.dumps(error)


async def test_a_client_that_leaves_leaves_nothing_behind(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built:
        async with wire(built) as client:
            await submit(built, client)
        assert built.metrics.registry.get_sample_value("duostyle_watchers") == 0
        assert built.metrics.registry.get_sample_value("duostyle_sockets") == 0


async def test_only_so_many_messages_wait_for_their_turn(tmp_path: Path) -> None:
    async with rig(tmp_path) as built, wire(built) as client:
        # all arrive before the first is handled
        for number in range(MAX_WAITING + 5):
            client.say("unsubscribe", job="x" * 22, ref=str(number))
        client.say("ping", ref="last")
        heard = await client.until("pong")
        refused = [message for message in heard if message["type"] == "error"]
        assert [message["ref"] for message in refused] == [str(MAX_WAITING + extra) for extra in range(5)]
        assert {message["code"] for message in refused} == {"too_many_requests"}
        assert {message["reached"] for message in refused} == {"max_waiting_messages"}
        assert b'duostyle_limits_reached_total{limit="max_waiting_messages"} 5.0' in built.metrics.text()

"""One connection from its first message to its last: what is answered, in which order, and to whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.contract import ENDS
from tests.support.fake_engine import FakeEngine
from tests.support.harness import Rig, Wire, rig, wire

FRAMES = {"max_px": 64, "max_fps": 10, "window": 4}


async def submit(built: Rig, client: Wire, styles: int = 1, **fields: Any) -> dict[str, Any]:
    client.say("submit", ref="s", content=built.content, styles=[built.style] * styles, **fields)
    return (await client.until("accepted", "error"))[-1]


async def next_frame(built: Rig, client: Wire) -> dict[str, Any]:
    """Make steps, each as soon as the last one was told, until the rate of frames allows one."""
    while True:
        built.engine.release()
        heard = (await client.until("progress", "frame"))[-1]
        if heard["type"] == "frame":
            return heard


def kinds(heard: list[dict[str, Any]]) -> list[str]:
    return [message["type"] for message in heard]


async def test_the_subprotocol_is_chosen_when_offered(tmp_path: Path) -> None:
    async with rig(tmp_path) as built:
        for offered, chosen in (((), None), (("x",), None), (("x", "duostyle.v1"), "duostyle.v1")):
            client = Wire(built, subprotocols=offered)
            assert (await client.event()).get("subprotocol") == chosen
            assert (await client.hear())["type"] == "hello"
            await client.hang_up()


async def test_from_submit_to_completed(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=3, gated=True)) as built, wire(built) as client:
        accepted = await submit(built, client, frames=FRAMES)
        assert accepted["ref"] == "s"
        assert accepted["position"] == 1
        built.engine.release()
        heard = await client.until("frame")
        built.engine.release(2)
        heard += await client.until(*ENDS)
        assert [kind for kind in kinds(heard) if kind not in ("frame", "progress")] == ["started", "completed"]
        frames = [message for message in heard if message["type"] == "frame"]
        assert [frame["step"] for frame in frames][:1] == [1]
        assert [frame["final"] for frame in frames] == [False] * (len(frames) - 1) + [True]
        assert heard[-2]["type"] == "frame"
        seqs = [frame["seq"] for frame in frames]
        assert seqs == sorted(set(seqs))
        progress = [message for message in heard if message["type"] == "progress"]
        assert progress[0]["costs"] == {"total": 2.0, "content": 0.5, "style": [1.0], "tv": 0.5}
        assert heard[-1]["seq"] > max(seqs)


async def test_nothing_about_a_job_after_its_end(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=2)) as built, wire(built) as client:
        accepted = await submit(built, client)
        await client.until(*ENDS)
        await built.jobs.commands.cancel(accepted["job"], accepted["key"])
        client.say("cancel", ref="c", job=accepted["job"], key=accepted["key"])
        assert await client.hear() == {"type": "ok", "ref": "c"}
        client.say("ping", ref="p")
        assert await client.hear() == {"type": "pong", "ref": "p"}


async def test_cancel_is_told_to_every_watcher_once(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built, wire(built) as owner, wire(built) as guest:
        accepted = await submit(built, owner)
        job, key = accepted["job"], accepted["key"]
        guest.say("subscribe", job=job, frames=False)
        assert (await guest.hear())["type"] == "state"
        await owner.until("started")
        owner.say("cancel", ref="c", job=job, key=key)
        heard = await owner.until(*ENDS)
        assert [kind for kind in kinds(heard) if kind != "frame"] == ["ok", "cancelled"]
        seen = await guest.until(*ENDS)
        assert kinds(seen)[-1] == "cancelled"
        for client in (owner, guest):
            client.say("ping")
            assert (await client.hear())["type"] == "pong"


async def test_pause_resume_and_update_are_acknowledged_first(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=2, gated=True)) as built, wire(built) as client:
        accepted = await submit(built, client)
        names = {"job": accepted["job"], "key": accepted["key"]}
        await client.until("started")
        client.say("update", ref="u", **names, params={"style_weight": 7.5})
        assert [await client.hear(), (await client.hear())["params"]] == [
            {"type": "ok", "ref": "u"},
            {"style_weight": 7.5},
        ]
        client.say("pause", **names)
        assert kinds([await client.hear(), await client.hear()]) == ["ok", "paused"]
        client.say("pause", **names)
        assert kinds([await client.hear()]) == ["ok"]
        client.say("resume", **names)
        assert kinds(await client.until("resumed")) == ["ok", "resumed"]
        built.engine.release(2)
        await client.until("completed")
        # a job paused before its first step is begun anew
        assert built.engine.painters[-1].params.style_weight == 7.5


async def test_a_reconnect_gets_the_state_and_the_last_frame(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=500, gated=True)) as built:
        async with wire(built) as client:
            accepted = await submit(built, client, frames=FRAMES)
            built.engine.release()
            frame = (await client.until("frame"))[-1]
        async with wire(built) as client:
            client.say("subscribe", job=accepted["job"], frames=FRAMES)
            state, again = await client.hear(), await client.hear()
            assert (state["status"], state["step"]) == ("running", 1)
            assert again["seq"] == frame["seq"] == state["frame_seq"]
        async with wire(built) as client:
            client.say("subscribe", job=accepted["job"], frames=FRAMES, after=frame["seq"])
            assert (await client.hear())["type"] == "state"
            assert (await next_frame(built, client))["seq"] > frame["seq"]


async def test_frames_wait_for_their_acknowledgement(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(steps=500, gated=True)) as built, wire(built) as client:
        accepted = await submit(built, client, frames={"max_fps": 10, "window": 1})
        built.engine.release()
        first = (await client.until("frame"))[-1]
        for _ in range(5):
            built.engine.release()
            heard = await client.until("progress")
            assert "frame" not in kinds(heard)
        client.say("ack", job=accepted["job"], seq=first["seq"])
        newest = await next_frame(built, client)
        assert newest["seq"] > first["seq"]
        assert newest["step"] >= 2


async def test_unsubscribe_silences(tmp_path: Path) -> None:
    async with rig(tmp_path, FakeEngine(gated=True)) as built, wire(built) as client:
        accepted = await submit(built, client)
        await client.until("started")
        client.say("unsubscribe", job=accepted["job"])
        client.say("cancel", ref="c", job=accepted["job"], key=accepted["key"])
        assert await client.hear() == {"type": "ok", "ref": "c"}
        await built.jobs.commands.cancel(accepted["job"], accepted["key"])
        client.say("ping")
        assert (await client.hear())["type"] == "pong"

"""Following a job: what is said on each connection, what is made of each message, and how long to wait in between."""

from __future__ import annotations

import json
from typing import Any

import pytest

from duostyle.client.follow import Backoff, Event, Follower, Frame, reconnecting, refusal
from duostyle.client.http import Unreachable
from duostyle.errors import BadRequest, Forbidden, NotFound, ServerError
from duostyle.protocol import outgoing as messages
from duostyle.protocol.frames import FrameHeader, encode_frame

JOB = "j" * 22


def text(type: str, **fields: Any) -> str:
    return messages.text(type, job=JOB, **fields)


def picture(seq: int, *, final: bool = False) -> bytes:
    return encode_frame(FrameHeader(JOB, seq, seq, 8, 6, final=final), b"jpeg")


def state(status: str, frame_seq: int = 0) -> str:
    return text("state", status=status, frame_seq=frame_seq, seq=9, elapsed_s=1.5, report=None, partial=False)


def kinds(events: list[Event]) -> list[str]:
    return ["frame" if isinstance(event, Frame) else event["type"] for event in events]


def test_watching_goes_on_behind_the_last_frame() -> None:
    follower = Follower(job=JOB, frames={"max_px": 64}, after=3)
    assert json.loads(follower.opening()) == {
        "type": "subscribe",
        "job": JOB,
        "after": 3,
        "frames": {"max_px": 64},
        "ref": "follow",
    }
    (frame,) = follower.receive(picture(7))
    assert isinstance(frame, Frame)
    assert (frame.seq, frame.step, frame.width, frame.image) == (7, 7, 8, b"jpeg")
    assert json.loads(follower.ack(frame)) == {"type": "ack", "job": JOB, "seq": 7}
    assert follower.receive(picture(7)) == [], "no picture twice"
    assert json.loads(follower.opening())["after"] == 7


def test_submitting_happens_once() -> None:
    follower = Follower(order={"content": "c", "styles": ["s"], "params": {}})
    said = json.loads(follower.opening())
    assert (said["type"], said["content"], said["frames"], said["ref"]) == ("submit", "c", False, "follow")
    accepted = messages.text("accepted", job=JOB, key="k", position=1, eta_s=None, ref="follow")
    assert kinds(follower.receive(accepted)) == ["accepted"]
    assert follower.job == JOB
    assert json.loads(follower.opening())["type"] == "subscribe"


def test_a_submission_in_doubt_is_not_repeated() -> None:
    follower = Follower(order={})
    follower.opening()
    with pytest.raises(Unreachable, match="whether it accepted the job"):
        follower.opening()


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
def test_it_ends_with_the_terminal_message(end: str) -> None:
    follower = Follower(job=JOB)
    assert kinds(follower.receive(state("running"))) == ["state"]
    assert kinds(follower.receive(text("progress", step=1))) == ["progress"]
    assert not follower.done
    assert kinds(follower.receive(text(end, seq=9))) == [end]
    assert follower.done


def test_a_job_that_ended_unseen_ends_with_its_last_picture() -> None:
    follower = Follower(job=JOB, frames={})
    assert kinds(follower.receive(state("completed", frame_seq=8))) == ["state"]
    assert follower.waits_for_last_frame
    shown = follower.receive(picture(8, final=True))
    assert kinds(shown) == ["frame", "completed"]
    assert follower.done
    end = shown[1]
    assert not isinstance(end, Frame)
    assert (end["job"], end["elapsed_s"]) == (JOB, 1.5)


def test_it_does_not_wait_for_a_picture_that_was_seen_or_not_wanted() -> None:
    for follower in (Follower(job=JOB, frames={}, after=8), Follower(job=JOB, frames=False)):
        assert kinds(follower.receive(state("cancelled", frame_seq=8))) == ["state", "cancelled"]
        assert follower.done


def test_a_last_picture_that_does_not_come_is_given_up() -> None:
    follower = Follower(job=JOB, frames={})
    follower.receive(state("failed", frame_seq=8))
    assert kinds(follower.give_up_frame()) == ["failed"]
    assert follower.done


def test_what_is_not_about_the_job_is_left_out() -> None:
    follower = Follower(job=JOB)
    assert follower.receive(messages.text("hello", protocol=1)) == []
    assert follower.receive(messages.text("completed", job="other")) == []
    assert follower.receive(messages.text("error", code="bad_request", message="m", ref="else")) == []
    assert kinds(follower.receive(messages.text("shutdown", retry_s=5))) == ["shutdown"]
    assert not follower.done


def test_a_refusal_is_the_servers_own_error() -> None:
    with pytest.raises(BadRequest, match="too small") as raised:
        Follower(order={}).receive(
            messages.text("error", code="bad_request", message="too small", field="params.size", limit=64, ref="follow")
        )
    assert (raised.value.field, raised.value.limit) == ("params.size", 64)
    with pytest.raises(ServerError, match="new"):
        Follower(job=JOB).receive(messages.text("error", code="of_tomorrow", message="new", ref="follow"))


@pytest.mark.parametrize("data", ["", "[]", "{}", "null", b"", b"\0\0\0\1x", b"\xff" * 10])
def test_what_no_duostyle_server_says_ends_it(data: str | bytes) -> None:
    with pytest.raises(Unreachable):
        Follower(job=JOB).receive(data)


def test_waiting_doubles_is_spread_and_begins_anew() -> None:
    backoff = Backoff(first_s=1.0, most_s=5.0, chance=lambda: 1.0)
    assert [backoff.next_s(now) for now in (10.0, 11.0, 13.0, 17.0, 22.0)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert backoff.failing_s(30.0) == 20.0
    backoff.reset()
    assert (backoff.failing_s(31.0), backoff.next_s(31.0)) == (0.0, 1.0)
    assert Backoff(first_s=1.0, chance=lambda: 0.0).next_s(0.0) == 0.5


def test_only_what_may_pass_is_tried_again() -> None:
    body = b'{"error":{"code":"forbidden","message":"no"}}'
    assert isinstance(refusal(403, body), Forbidden)
    assert isinstance(refusal(404, b'{"error":{"code":"not_found","message":"no"}}'), NotFound)
    assert refusal(429, body) is refusal(503, b"") is None
    elsewhere = refusal(400, b"<html>")
    assert isinstance(elsewhere, ServerError)
    assert elsewhere.message == "a proxy answered with status 400 instead of the server: it refused the request"


def test_reconnecting_tells_when_and_why() -> None:
    assert reconnecting(0.25, "gone") == {"type": "reconnecting", "delay_s": 0.25, "reason": "gone"}

"""The corpus is whole, and a few of its mutations break nothing; `python -m bench.faults.fuzz` throws many."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from websockets.exceptions import ConnectionClosed

from duostyle.imaging import decode as images
from duostyle.imaging.decode import FORMATS, sniff
from tests.support import mutations as mutate
from tests.support.fuzzing import Found, throw_messages, throw_pictures
from tests.support.real_server.http_client import Client
from tests.support.real_server.running import Running
from tests.support.real_server.socket_client import socket

pytestmark = pytest.mark.real_server
PLENTY = {"max_requests_per_s": 100_000, "max_messages_per_s": 100_000, "max_queue": 10_000}


def test_the_corpus_has_every_format() -> None:
    whole = {name: data for name, data in mutate.pictures().items() if sniff(data)}
    kinds = {images.check(data, max_bytes=10_000, max_pixels=10_000).format for data in whole.values()}
    assert kinds == set(FORMATS)
    assert max(len(data) for data in whole.values()) < 2000


def test_mutations_follow_from_the_seed() -> None:
    pictures, messages = list(mutate.pictures().values()), mutate.messages()

    def some(seed: int) -> list[bytes]:
        chance = random.Random(seed)
        return [mutate.mutated_picture(chance, pictures) for _ in range(20)] + [
            mutate.mutated_message(chance, messages, {"JOB": "x"}) for _ in range(20)
        ]

    assert some(1) == some(1)
    assert some(1) != some(2)


async def test_whole_messages_of_the_corpus_are_understood(running: Running, http: Client) -> None:
    accepted = await http.submit()
    image = await http.upload()
    names = {"$IMAGE": image, "$JOB": accepted["job"], "$KEY": accepted["key"]}
    async with socket(running.url) as talker:
        for message in mutate.messages():
            for name, value in names.items():
                message = message.replace(name, value)
            await talker.connection.send(message)
        # answered in their order: this one last
        await talker.send("subscribe", job="x" * 22, ref="last")
        codes: list[str] = []
        while not codes or codes[-1] != "not_found":
            codes.append((await talker.until("error"))["code"])
    # the array, steering a job that has ended, the preview
    assert set(codes) <= {"bad_request", "not_available", "not_found"}


async def test_mutated_messages_break_nothing(start: Callable[..., Running]) -> None:
    raised = start(max_jobs_per_client=10_000, **PLENTY)
    found = await throw_messages(raised.url, 1500, random.Random(1))
    assert found.wrong == []
    # a fuzzer that is never understood shows nothing
    assert found.answers["bad_request"] > 200, found.answers
    assert len(found.answers) > 5, found.answers


async def test_mutated_pictures_break_nothing(running: Running) -> None:
    found = await throw_pictures(running.url, 300, random.Random(1))
    assert found.wrong == []
    assert {"taken", "corrupt_image", "unsupported_format"} <= found.answers.keys()


def test_the_fuzzer_notices_what_is_wrong() -> None:
    found = Found()
    found.check({"code": "bad_request", "message": "no"}, "x")
    assert found.wrong == []
    for error in ({"code": "internal", "message": "oh"}, {"code": "new", "message": "oh"}, {"code": "bad_request"}):
        found.check(error, "x")
    assert len(found.wrong) == 3


async def test_bad_text_is_closed_with_its_code_and_not_logged(
    start: Callable[..., Running], caplog: pytest.LogCaptureFixture
) -> None:
    running = start()
    async with socket(running.url) as talker:
        await talker.connection.send(b'{"type":"ping","ref":"\xff"}', text=True)
        with pytest.raises(ConnectionClosed) as raised:
            await talker.receive()
    assert raised.value.rcvd is not None
    assert raised.value.rcvd.code == 1007
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []


async def test_a_message_in_pieces_is_one_message_and_has_not_too_many(start: Callable[..., Running]) -> None:
    running = start()
    async with socket(running.url) as talker:
        await talker.connection.send(["", '{"type":', "", '"ping","ref":', '"é"}'])
        assert (await talker.until("pong"))["ref"] == "é"
        await talker.connection.send(["{"] + [""] * 1023 + ["}"])
        with pytest.raises(ConnectionClosed) as raised:
            await talker.until("never")
        assert raised.value.rcvd is not None
        assert raised.value.rcvd.code == 1009

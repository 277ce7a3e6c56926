"""Mutated messages and pictures against a running server, and what is no answer of the contract."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed

from tests.support.contract import CONTRACT
from tests.support.fake_engine import image_bytes
from tests.support.mutations import messages, mutated_message, mutated_picture, pictures
from tests.support.real_server.socket_client import Socket, socket

TIMEOUT_S = 60
# Before so many messages are answered no more are sent: a client that never listens is closed, which is another matter.
_BATCH = 50
_UPLOADS_AT_ONCE = 4


@dataclass
class Found:
    """How often each answer came, and everything that must not be."""

    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def check(self, error: dict[str, Any], about: object) -> None:
        code = error.get("code")
        self.answers[str(code)] += 1
        if code not in CONTRACT or CONTRACT[code] == 500 or not error.get("message"):
            self.wrong.append(f"{error} after {about!r}"[:500])


async def throw_messages(address: str, count: int, chance: random.Random) -> Found:
    """`count` mutated messages over as many sockets as it takes; each batch must be answered to its end."""
    found, corpus = Found(), messages()
    async with httpx.AsyncClient(base_url=address, timeout=TIMEOUT_S) as http:
        image = (await http.post("/api/images", content=image_bytes())).json()["id"]
        mask = (await http.post("/api/images", content=image_bytes((255, 255, 255)))).json()["id"]
        left = count
        while left > 0 and len(found.wrong) < 20:
            job = (await http.post("/api/jobs", json={"content": image, "styles": [image]})).json()
            names = {"IMAGE": chance.choice((image, mask)), "JOB": job.get("job", "x"), "KEY": job.get("key", "x")}
            async with socket(address) as client:
                client.timeout_s = TIMEOUT_S
                while left > 0:
                    batch = [mutated_message(chance, corpus, names) for _ in range(min(_BATCH, left))]
                    left -= len(batch)
                    if not await _batch(client, batch, found):
                        break
    return found


async def _batch(client: Socket, batch: list[bytes], found: Found) -> bool:
    """Send it and read until it is answered; False when the connection has ended.

    A message that ends the connection comes last, so that the others are understood; one of them is enough.
    """
    fine = [message for message in batch if _close_of(message) is None]
    ending = [message for message in batch if _close_of(message) is not None]
    try:
        for message in fine:
            await client.connection.send(message, text=True)
        await _until_pong(client, found, fine)
    except ConnectionClosed as closed:
        found.wrong.append(f"closed with {closed.rcvd} after {fine!r}"[:2000])
        return False
    except TimeoutError:
        found.wrong.append(f"no answer after {fine!r}"[:2000])
        return False
    if not ending:
        return True
    try:
        await client.connection.send(ending[0], text=True)
        await _until_pong(client, found, ending[:1])
        found.wrong.append(f"not closed after {ending[0]!r}"[:2000])
    except ConnectionClosed as closed:
        code = closed.rcvd.code if closed.rcvd is not None else None
        found.answers[f"close {code}"] += 1
        # the ping after it may have met a connection that was closed already, and so lost the code
        if code not in (_close_of(ending[0]), None):
            found.wrong.append(f"closed with {code} after {ending[0]!r}"[:2000])
    return False


async def _until_pong(client: Socket, found: Found, batch: list[bytes]) -> None:
    """Raises ConnectionClosed, TimeoutError."""
    await client.send("ping", ref="end of batch")
    async with asyncio.timeout(TIMEOUT_S):
        while (answer := await client.receive()).get("ref") != "end of batch":
            if answer["type"] == "error":
                found.check(answer, batch)
            else:
                found.answers[answer["type"]] += 1


def _close_of(message: bytes) -> int | None:
    """What this message must close a connection with, if anything."""
    if len(message) > 2**16:
        return 1009
    try:
        message.decode()
    except UnicodeDecodeError:
        return 1007
    return None


async def throw_pictures(address: str, count: int, chance: random.Random) -> Found:
    """`count` mutated pictures as uploads; those that are taken must come out again as a picture."""
    found, corpus = Found(), list(pictures().values())
    waiting = iter(range(count))
    # a connection each: one that is kept may be closed by the server just when it is used again
    fresh = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=address, timeout=TIMEOUT_S, limits=fresh) as http:

        async def throw() -> None:
            for _ in waiting:
                data = mutated_picture(chance, corpus)
                response = await http.post("/api/images", content=data)
                if response.status_code not in (200, 201):
                    found.check(response.json()["error"], data)
                    continue
                found.answers["taken"] += 1
                shown = await http.get(f"/api/images/{response.json()['id']}", params={"size": 64})
                if shown.status_code != 200 or shown.headers["content-type"] != "image/jpeg":
                    found.wrong.append(f"taken, but not shown: {shown.status_code} {shown.text[:200]} {data!r}"[:2000])

        await asyncio.gather(*(throw() for _ in range(_UPLOADS_AT_ONCE)))
    return found

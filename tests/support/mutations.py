"""Mutations of pictures and messages: what a fuzzer makes of a corpus. Everything follows from the random source."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parent / "corpus"
_LENGTHS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, 10**400, 0.1, -0.0, 1e308, -1e308),
    *(float("nan"), float("inf"), float("-inf"), "", "a", "\x00", "\ud800", "é" * 50, "x" * 65, "x" * 129, "auto"),
    *("sha256:" + "0" * 64, "null", "../../etc/passwd", "<script>", "'; DROP TABLE jobs;--"),
    *([], [[]], [None] * 5, [1] * 100, {}, {"": {}}, {"type": "ping"}, {"relu1_1": float("nan")}),
)
_NAMES = (
    "type",
    "ref",
    "job",
    "key",
    "content",
    "styles",
    "params",
    "frames",
    "after",
    "seq",
    "max_px",
    "masks",
    "size",
)


def pictures() -> dict[str, bytes]:
    """The whole pictures of the corpus by their names."""
    return {path.name: path.read_bytes() for path in sorted((CORPUS / "pictures").iterdir())}


def messages() -> list[str]:
    """The messages of the corpus, with their `$` names."""
    return [path.read_text("utf-8").strip() for path in sorted((CORPUS / "messages").iterdir())]


def mutated_picture(chance: random.Random, corpus: Sequence[bytes]) -> bytes:
    """One of `corpus` with up to eight things wrong with it."""
    data = bytearray(chance.choice(corpus))
    for _ in range(chance.randint(1, 8)):
        _mutate(chance, data, corpus)
    return bytes(data)


def _mutate(chance: random.Random, data: bytearray, corpus: Sequence[bytes]) -> None:
    at = chance.randrange(len(data) + 1)
    match chance.randrange(8):
        case 0 | 1:
            if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
        case 2:
            if at < len(data):
                data[at] = chance.randrange(256)
        case 3:
            # lengths and sizes are where decoders trust too much
            width, order = chance.choice((1, 2, 4)), chance.choice(("big", "little"))
            value = chance.choice(_LENGTHS) % (1 << 8 * width)
            data[at : at + width] = value.to_bytes(width, "big" if order == "big" else "little")
        case 4:
            del data[at : at + chance.randint(1, 40)]
        case 5:
            data[at:at] = chance.randbytes(chance.randint(1, 40))
        case 6:
            piece = data[at : at + chance.randint(1, 60)]
            where = chance.randrange(len(data) + 1)
            data[where:where] = piece * chance.randint(1, 5)
        case _:
            other = chance.choice(corpus)
            begin = chance.randrange(len(other))
            data[at:] = other[begin:]


def mutated_message(chance: random.Random, corpus: Sequence[str], names: Mapping[str, str]) -> bytes:
    """One message as the payload of a text frame, now and then no JSON or no UTF-8; `names` fills the `$` names."""
    text = chance.choice(corpus)
    for name, value in names.items():
        if chance.random() < 0.9:
            text = text.replace(f"${name}", value)
    draw = chance.random()
    if draw < 0.1:
        return text.encode()
    if draw < 0.8:
        value = json.loads(text)
        for _ in range(chance.randint(1, 3)):
            value = _changed(chance, value)
        return json.dumps(value).encode("utf-8", "surrogatepass")
    data = bytearray(text.encode())
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[at : at + 1] = chance.choice((b"{", b"}", b"[", b'"', b",", b":", b"\\", b"0", b"e9", b"\\ud800"))
            case 1:
                del data[at : at + chance.randint(1, 10)]
            case 2:
                data[at:at] = data[: chance.randint(0, len(data))]
            case _:
                data[at : at + 1] = chance.choice((chr(chance.randrange(128)).encode(),) * 8 + ("é".encode(), b"\xff"))
    return bytes(data)


def _changed(chance: random.Random, value: Any) -> Any:
    """`value` with one place of it changed, renamed, added or taken away."""
    places = list(_places(value))
    if not places or chance.random() < 0.05:
        return _odd(chance)
    holder, key = chance.choice(places)
    match chance.randrange(4):
        case 0 if isinstance(holder, dict):
            holder[chance.choice(_NAMES)] = holder.pop(key)
        case 1:
            del holder[key]
        case 2 if isinstance(holder, dict):
            holder[chance.choice(_NAMES)] = _odd(chance)
        case _:
            holder[key] = _odd(chance)
    return value


def _odd(chance: random.Random) -> Any:
    # a copy, since it may be changed further
    return copy.deepcopy(chance.choice(_ODD))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container inside `value` with each of its keys."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield value, key
            yield from _places(inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield value, index
            yield from _places(inner)

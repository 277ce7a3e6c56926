"""Checkpoints as bytes and back: a safetensors file whose metadata hold the header and a checksum. No torch, no pickle.

Written piece by piece straight from the engine's memory, so that a checkpoint is never in memory twice.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import Any

import safetensors

from duostyle.engine.api import Array, Checkpoint, CheckpointRefused

_FORMAT = "duostyle-checkpoint"
_ALIGN = 8


def encode(checkpoint: Checkpoint) -> Iterator[bytes | memoryview]:
    """The file in pieces. The arrays are read twice: once for the checksum, which comes first."""
    header = json.dumps(checkpoint.header)
    metadata = {"format": _FORMAT, "header": header, "crc32": str(_checksum(header, checkpoint.arrays))}
    table: dict[str, Any] = {"__metadata__": metadata}
    offset = 0
    for name, array in checkpoint.arrays.items():
        end = offset + len(array.data)
        table[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, end]}
        offset = end
    head = json.dumps(table).encode()
    head += b" " * (-len(head) % _ALIGN)
    yield len(head).to_bytes(8, "little") + head
    for array in checkpoint.arrays.values():
        yield array.data


def decode(data: bytes) -> Checkpoint:
    """What `encode` made. Raises CheckpointRefused when it is anything else, cut short or damaged."""
    try:
        tensors = safetensors.deserialize(data)  # type: ignore[no-untyped-call]
        metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
        text, crc32 = metadata["header"], metadata["crc32"]
        header = json.loads(text)
        if metadata["format"] != _FORMAT or not isinstance(header.get("step"), int):
            raise CheckpointRefused("the file is not a checkpoint")
        arrays = {name: _array(entry) for name, entry in tensors}
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointRefused("the checkpoint file is incomplete") from error
    if crc32 != str(_checksum(text, arrays)):
        raise CheckpointRefused("the checkpoint is damaged: its checksum differs")
    return Checkpoint(header, arrays)


def _array(entry: dict[str, Any]) -> Array:
    if entry["dtype"] != "F32":
        raise CheckpointRefused("the checkpoint holds numbers that are not float32")
    return Array(tuple(entry["shape"]), memoryview(entry["data"]).cast("B"))


def _checksum(header: str, arrays: dict[str, Array] | Any) -> int:
    # in the order of names: the library gives the tensors back in the order of their offsets or names
    total = zlib.crc32(header.encode())
    for name in sorted(arrays):
        total = zlib.crc32(arrays[name].data, total)
    return total

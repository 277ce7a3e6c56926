"""Checkpoints as bytes: whole and unchanged, or refused."""

from __future__ import annotations

import random
import struct

import pytest
import safetensors.torch
import torch

from duostyle.engine.api import Array, Checkpoint, CheckpointRefused
from duostyle.engine.checkpoint_format import decode, encode


def array(*numbers: float) -> Array:
    return Array((1, len(numbers)), memoryview(struct.pack(f"<{len(numbers)}f", *numbers)))


MADE = Checkpoint({"step": 7, "best": float("inf"), "name": "größe"}, {"b": array(1.5, -2.0), "a": array(0.25)})


def data() -> bytes:
    return b"".join(encode(MADE))


def test_it_comes_back_as_it_was() -> None:
    back = decode(data())
    assert back.header == MADE.header
    assert back.step == 7
    assert {name: (one.shape, bytes(one.data)) for name, one in back.arrays.items()} == {
        name: (one.shape, bytes(one.data)) for name, one in MADE.arrays.items()
    }


def test_it_is_a_safetensors_file() -> None:
    tensors = safetensors.torch.load(data())
    assert {name: tensor.tolist() for name, tensor in tensors.items()} == {"a": [[0.25]], "b": [[1.5, -2.0]]}


def test_without_arrays() -> None:
    assert decode(b"".join(encode(Checkpoint({"step": 0}, {})))) == Checkpoint({"step": 0}, {})


def test_every_cut_is_refused() -> None:
    whole = data()
    for length in range(len(whole)):
        with pytest.raises(CheckpointRefused):
            decode(whole[:length])


def test_every_flipped_bit_is_refused_or_without_meaning() -> None:
    whole, chance = data(), random.Random(3)
    refused = 0
    for _ in range(500):
        at, bit = chance.randrange(len(whole)), chance.randrange(8)
        bad = bytearray(whole)
        bad[at] ^= 1 << bit
        try:
            back = decode(bytes(bad))
        except CheckpointRefused:
            refused += 1
        else:
            # a name of a tensor or padding: the numbers and the header are whole
            assert back.header == MADE.header
            assert sorted(bytes(one.data) for one in back.arrays.values()) == sorted(
                bytes(one.data) for one in MADE.arrays.values()
            )
    assert refused > 400


@pytest.mark.parametrize(
    "other",
    [
        b"",
        b"not a checkpoint at all",
        safetensors.torch.save({"a": torch.zeros(1)}),
        safetensors.torch.save({"a": torch.zeros(1)}, {"format": "pt"}),
    ],
    ids=["empty", "text", "no metadata", "other metadata"],
)
def test_other_files_are_refused(other: bytes) -> None:
    with pytest.raises(CheckpointRefused):
        decode(other)

"""What the painter's checkpoints are made of: tensors packed into a value and back, and whether one fits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from duostyle.engine.api import Array, Checkpoint, CheckpointRefused, Request
from duostyle.engine.runtime import from_array, to_array
from duostyle.params import StyleParams, live_fields

# incremented with every change of the content or its meaning
FORMAT = 3


def digest(request: Request) -> str:
    """A hash, in hexadecimal, of what never changes while a request is painted: pictures and fixed parameters."""
    live = live_fields()
    # transparent parts are in the pictures, where there are any
    left_out = live | {"transparency"}
    fixed = {name: value for name, value in request.params.model_dump(mode="json").items() if name not in left_out}
    whole = hashlib.sha256(json.dumps(fixed, sort_keys=True).encode())
    if any(request.companions):
        # which picture belongs to which style
        whole.update(json.dumps([len(others) for others in request.companions]).encode())
    for picture in (request.content, *request.styles, *(other for others in request.companions for other in others)):
        whole.update(f"{picture.width}x{picture.height}".encode())
        whole.update(picture.rgb)
        if picture.alpha is not None:
            whole.update(b"alpha" + picture.alpha)
    return whole.hexdigest()


def changed_params(old: StyleParams, new: StyleParams) -> dict[str, Any]:
    """The live parameters of `new` that differ from `old`, as JSON values."""
    before, after = old.model_dump(mode="json"), new.model_dump(mode="json")
    return {name: after[name] for name in sorted(live_fields()) if after[name] != before[name]}


def pack(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Checkpoint:
    """A checkpoint of a JSON-serialisable header and float32 tensors; one that has several names is kept once.

    No copies on the CPU: nobody may write to the tensors later.
    """
    arrays: dict[str, Array] = {}
    first: dict[int, str] = {}
    same: dict[str, str] = {}
    for name, tensor in tensors.items():
        if id(tensor) in first:
            same[name] = first[id(tensor)]
        else:
            first[id(tensor)] = name
            arrays[name] = to_array(tensor)
    return Checkpoint({**header, "same": same}, arrays)


def unpack(checkpoint: Checkpoint, device: torch.device) -> dict[str, Tensor]:
    """The tensors by all their names. Raises KeyError, TypeError or ValueError for what `pack` never made."""
    tensors = {name: from_array(array, device) for name, array in checkpoint.arrays.items()}
    return tensors | {name: tensors[first] for name, first in checkpoint.header["same"].items()}


def refuse_other(header: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raises CheckpointRefused unless every entry of `wanted` (name to value) is in the header too."""
    for name, value in wanted.items():
        if header.get(name) != value:
            raise CheckpointRefused(f"the checkpoint has a different {name}")

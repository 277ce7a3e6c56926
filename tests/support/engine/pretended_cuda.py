"""A GPU that is not there: tensors that say they are on `cuda:0` and compute on the CPU.

It refuses what a real one refuses: tensors of two devices in one operation, reading memory of the other device. It
counts how often a number was waited for. It records graphs, and what a graph cannot hold is an error as on a GPU.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

CUDA = torch.device("cuda:0")


class Remote(Tensor):
    """A tensor on the GPU; `memory` is where it really is."""

    memory: Tensor

    @staticmethod
    def __new__(cls, memory: Tensor) -> Remote:
        made: Remote = torch.Tensor._make_wrapper_subclass(
            cls,
            memory.shape,
            strides=memory.stride(),
            storage_offset=memory.storage_offset(),
            dtype=memory.dtype,
            device=CUDA,
        )
        made.memory = memory
        return made

    # these ask the driver which GPU is at work before anyone else has a say

    def copy_(self, other: Tensor, non_blocking: bool = False) -> Tensor:
        copied: Tensor = torch.ops.aten.copy_.default(self, other)
        return copied

    def contiguous(self, memory_format: torch.memory_format = torch.contiguous_format) -> Tensor:
        copied: Tensor = torch.ops.aten.contiguous.default(self, memory_format=memory_format)
        return copied

    def __getitem__(self, index: Any) -> Tensor:
        if isinstance(index, Tensor):
            chosen: Tensor = torch.ops.aten.index.Tensor(self, [index])
            return chosen
        parts = list(index) if isinstance(index, tuple) else [index]
        if ... in parts:
            at = parts.index(...)
            missing = self.dim() - sum(part is not None for part in parts) + 1
            parts[at : at + 1] = [slice(None)] * missing
        view: Tensor = self
        dimension = 0
        for part in parts:
            if isinstance(part, int):
                view = view.select(dimension, part)
                continue
            if part is None:
                view = view.unsqueeze(dimension)
            elif part != slice(None):
                view = torch.ops.aten.slice.Tensor(view, dimension, part.start, part.stop, part.step or 1)
            dimension += 1
        return view

    def __setitem__(self, index: Any, value: Any) -> None:
        view = self[index]
        if not isinstance(value, Tensor):
            view.fill_(value)
        # what was added in place is the same memory already
        elif view.memory.data_ptr() != value.memory.data_ptr():  # type: ignore[attr-defined]
            view.copy_(value)

    def item(self) -> float | int | bool:
        value: float | int | bool = torch.ops.aten._local_scalar_dense.default(self)
        return value

    def tolist(self) -> Any:
        return self.to("cpu").tolist()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        raise AssertionError(f"{func} while the GPU is not there")


class Gpu(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While it is entered, `cuda` is there. `waits` counts the numbers waited for, `replays` the graphs played."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.waits = 0
        self.replays = 0
        self.recording: list[tuple[Any, Any, Any, Any]] | None = None

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        # which of several GPUs is a question for the driver
        args, given = tree_map_only(torch.device, _first, (args, dict(kwargs or {})))
        values = tree_flatten((args, given))[0]
        flat = [value for value in values if isinstance(value, Tensor)]
        remote = [value for value in flat if isinstance(value, Remote)]
        target = next((value for value in values if isinstance(value, torch.device)), None)
        if not remote and target != CUDA:
            return func(*args, **given)
        if func._can_decompose():
            # as autograd would have done; inference comes here with operations that are made of others
            with self:
                return func.decompose(*args, **given)
        name = func.overloadpacket.__name__
        moves = name in ("_to_copy", "copy_")
        if not moves and any(value.dim() and not isinstance(value, Remote) for value in flat):
            raise RuntimeError(f"{name}: expected all tensors to be on the same device")
        leaves = name == "_local_scalar_dense" or (moves and self._leaves(name, args, target))
        if leaves:
            self.waits += 1
        if self.recording is not None and (leaves or (moves and len(remote) < len(flat))):
            raise RuntimeError(f"{name}: operation not permitted when stream is capturing")
        inner_args, inner = tree_map_only(Remote, _memory, (args, given))
        inner_args, inner = tree_map_only(torch.device, _cpu, (inner_args, inner))
        result = func(*inner_args, **inner)
        if self.recording is not None:
            self.recording.append((func, inner_args, inner, result))
        if name.endswith("_") and not name.startswith("_local"):
            return args[0]
        if leaves:
            # a copy on the CPU, not the GPU's own memory
            return result.clone() if isinstance(result, Tensor) else result
        return tree_map_only(Tensor, Remote, result)

    def _leaves(self, name: str, args: Sequence[Any], target: Any) -> bool:
        if name == "copy_":
            return isinstance(args[1], Remote) and not isinstance(args[0], Remote)
        return isinstance(args[0], Remote) and target is not None and target != CUDA

    @contextmanager
    def record(self, graph: Graph) -> Iterator[None]:
        self.recording = []
        try:
            yield
            graph.operations = self.recording
        finally:
            self.recording = None


class Graph:
    """Plays operations again on the same memory, and nothing else: numbers that Python worked out stay as they were."""

    def __init__(self, gpu: Gpu) -> None:
        self.gpu = gpu
        self.operations: list[tuple[Any, Any, Any, Any]] = []

    def replay(self) -> None:
        self.gpu.replays += 1
        for func, args, kwargs, result in self.operations:
            again = func(*args, **kwargs)
            for old, new in zip(tree_flatten(result)[0], tree_flatten(again)[0], strict=True):
                if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


def _memory(value: Remote) -> Tensor:
    return value.memory


def _first(device: torch.device) -> torch.device:
    return CUDA if device.type == "cuda" else device


def _cpu(device: torch.device) -> torch.device:
    return torch.device("cpu")


class _Stream:
    def wait_stream(self, other: _Stream) -> None:
        return None


def install(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    """Put it in the place of torch's own; enter what is returned to use it."""
    gpu = Gpu()

    def graph(made: Graph, **options: object) -> AbstractContextManager[None]:
        return gpu.record(made)

    real_tensor = torch.tensor

    def tensor(data: Any, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Tensor:
        made = real_tensor(data, dtype=dtype)
        return made if device is None else made.to(device)

    monkeypatch.setattr(torch, "tensor", tensor)
    monkeypatch.setattr(torch.cuda, "_lazy_init", lambda: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(torch.cuda, "Stream", _Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", _Stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: Graph(gpu))
    monkeypatch.setattr(torch.cuda, "graph", graph)
    return gpu

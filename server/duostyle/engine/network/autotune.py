"""The choice of convolution kernels: measured once, and remembered from process to process.

Kernels differ in the last digits, so two processes that measured and chose differently would paint two pictures.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from duostyle.engine.network.layers import Choice, Kernel, conv_narrow_out, conv_nnpack, conv_plain

Names = dict[str, list[str]]
# beside the shapes of convolutions: the precision in which whole evaluations were the quickest
PRECISION = "precision"
# an environment variable that lets oneDNN play a lesser processor
_LIMIT = "ONEDNN_MAX_CPU_ISA"

# A rival must be this much faster to replace the preferred kernel: noise must not flip the choice between two runs,
# or the same seed would give two pictures.
HYSTERESIS = 0.6


class Chooser:
    """Measures every shape of convolution once, on square maps of `small_px` and `large_px` on a side.

    Layers of the same shape share the answer. `remembered` are names as `names` gave them earlier: those are
    not measured again.
    """

    def __init__(
        self, small_px: int = 16, large_px: int = 48, remembered: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.small_px = small_px
        self.large_px = large_px
        self.remembered = remembered or {}
        self._known: dict[str, Choice] = {}

    @property
    def names(self) -> Names:
        """What was chosen so far: "64 to 128" to the names of the kernels for small and large maps."""
        return {shape: [choice.small.__name__, choice.large.__name__] for shape, choice in self._known.items()}

    def choose(self, ins: int, outs: int) -> Choice:
        """The fastest kernels for `ins` to `outs` channels on this CPU."""
        shape = f"{ins} to {outs}"
        if shape not in self._known:
            kernels = candidates(ins, outs)
            by_name = {kernel.__name__: kernel for kernel in kernels}
            names = self.remembered.get(shape, ())
            if len(names) == 2 and by_name.keys() >= set(names):
                small, large = by_name[names[0]], by_name[names[1]]
            else:
                weight, bias = torch.rand(outs, ins, 3, 3), torch.rand(outs)
                # Winograd transforms the kernel in every call: on small maps of many channels that is the main cost,
                # so there the plain kernel is preferred.
                small = fastest(kernels[::-1] if ins * outs >= 128 * 128 else kernels, weight, bias, self.small_px)
                large = fastest(kernels, weight, bias, self.large_px)
            self._known[shape] = Choice(small, large, 2 * self.small_px * self.small_px)
        return self._known[shape]


def candidates(ins: int, outs: int) -> list[Kernel]:
    """Kernels worth measuring on the CPU for this many channels, the preferred first."""
    if ins <= 4:
        return [conv_plain]
    if outs <= 4:
        return [conv_narrow_out, conv_plain]
    return [conv_nnpack, conv_plain] if nnpack_works() else [conv_plain]


def nnpack_works() -> bool:
    """Whether this torch has NNPACK and this CPU can run it (asking also initialises it)."""
    try:
        if not torch.backends.nnpack.is_available():  # type: ignore[no-untyped-call]
            return False
        x = torch.ones(1, 8, 16, 16)
        weight = torch.ones(8, 8, 3, 3)
        return bool(torch.allclose(conv_nnpack(x, weight, torch.zeros(8)), conv_plain(x, weight, torch.zeros(8))))
    except (RuntimeError, AttributeError):
        return False


def fastest(kernels: list[Kernel], weight: Tensor, bias: Tensor, side_px: int, repeats: int = 3) -> Kernel:
    """The fastest of `kernels` on a square map of `side_px`; the first one unless another is clearly faster."""
    if len(kernels) == 1:
        return kernels[0]
    x = torch.rand(1, weight.shape[1], side_px, side_px)
    best = [float("inf")] * len(kernels)
    # interleaved, so that a passing load affects all of them
    for _ in range(repeats):
        for index, kernel in enumerate(kernels):
            start = time.perf_counter()
            kernel(x, weight, bias)
            best[index] = min(best[index], time.perf_counter() - start)
    rival = min(range(1, len(kernels)), key=best.__getitem__)
    return kernels[rival] if best[rival] < HYSTERESIS * best[0] else kernels[0]


class KernelMemory:
    """One small file in `folder` per processor, torch version and number of threads; None remembers nothing."""

    def __init__(self, folder: Path | None, threads: int) -> None:
        self.machine = {
            "processor": processor_name(),
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "torch": str(torch.__version__),
            "threads": threads,
        }
        if _LIMIT in os.environ:
            self.machine["limited to"] = os.environ[_LIMIT]
        name = hashlib.sha256(json.dumps(self.machine).encode()).hexdigest()[:16] + ".json"
        self.path = None if folder is None else folder / name

    def read(self) -> Names:
        """Shape to the names of its kernels, as `agree` got them; empty when nothing readable is there."""
        if self.path is None:
            return {}
        try:
            kernels = json.loads(self.path.read_bytes())["kernels"]
            return {str(shape): [str(name) for name in names] for shape, names in kernels.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def agree(self, names: Mapping[str, Sequence[str]], *, replace: bool = False) -> Names:
        """Remember `names` and return what holds: those of another process that was first, unless `replace`.

        Where nothing can be written `names` hold.
        """
        own = {shape: list(pair) for shape, pair in names.items()}
        if self.path is None:
            return own
        data = json.dumps({"machine": self.machine, "kernels": own}, indent=1).encode()
        temporary = self.path.with_name(f".{self.path.name}.{secrets.token_hex(6)}")
        try:
            # the folder around it is the data folder, which is nobody else's business either
            for folder in (self.path.parent.parent, self.path.parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary.write_bytes(data)
            if not replace:
                with contextlib.suppress(OSError):
                    # fails when another process was quicker, where renaming would not
                    os.link(temporary, self.path)
            if replace or not self.read():
                os.replace(temporary, self.path)
        except OSError:
            return own
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
        return self.read() or own


def processor_name() -> str:
    """The processor's name, as far as the system tells it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

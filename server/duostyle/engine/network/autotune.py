"""Which convolution kernels this machine was measured to be the quickest with, remembered from process to process.

Kernels differ in the last digits, so two processes that measured and chose differently would paint two pictures.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

Names = dict[str, list[str]]


class KernelMemory:
    """One small file in `folder` per processor, torch version and number of threads; None remembers nothing."""

    def __init__(self, folder: Path | None, threads: int) -> None:
        self.machine = {
            "processor": processor_name(),
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "torch": str(torch.__version__),
            "threads": threads,
        }
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
        """Remember `names` and return what holds: that of another process that was first, unless `replace`.

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
            if replace or not self.read():
                self._publish(temporary, replace)
        except OSError:
            return own
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
        return self.read() or own

    def _publish(self, temporary: Path, replace: bool) -> None:
        assert self.path is not None  # noqa: S101 - the caller has looked
        if not replace and not self.path.exists():
            with contextlib.suppress(OSError):
                # fails when another process was quicker, where renaming would not
                os.link(temporary, self.path)
                return
        if replace or not self.read():
            os.replace(temporary, self.path)


def processor_name() -> str:
    """The processor's name, as far as the system tells it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

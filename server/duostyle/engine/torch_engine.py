"""The engine: owns the network, and begins paintings."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch

from duostyle import version
from duostyle.engine.api import Checkpoint, Control, Painter, Request
from duostyle.engine.device import choose_device
from duostyle.engine.network.autotune import Chooser, KernelMemory
from duostyle.engine.network.vgg import Network
from duostyle.engine.network.weights import load_weights
from duostyle.engine.painter import Shared, TorchPainter
from duostyle.engine.runtime import engine_errors, give_back, machine_bytes
from duostyle.engine.schedule import Pace
from duostyle.errors import EngineError
from duostyle.threads import usable_cores


class TorchEngine:
    """One network on one device, for as long as the process lives. All methods run on one thread, the engine's.

    `device` is `auto`, `cpu` or `cuda` until `load`, then what was chosen; `threads` 0 takes all cores; `weights` is
    `vgg16` or `vgg19`; a painting whose evaluation would need more than `memory_budget_mb` MB (0: half of what the
    machine has) is evaluated in tiles. Without `rim` the picture alone is painted, for comparisons with others that do
    the same; it then has a glowing frame, see `canvas`. Which kernels were the fastest is stored in
    `kernel_folder` (None: for as long as the engine lives).
    """

    def __init__(
        self,
        *,
        device: str = "auto",
        threads: int = 0,
        weights: str = "vgg16",
        memory_budget_mb: int = 0,
        rim: bool = True,
        kernel_folder: Path | None = None,
    ) -> None:
        self.device = device
        self.threads = threads
        self.weights = weights
        self.memory_budget_mb = memory_budget_mb
        self.rim = rim
        self.kernel_folder = kernel_folder
        self.clock: Callable[[], float] = time.perf_counter
        self.pace = Pace()
        self.network: Network | None = None
        self.weights_sha256 = ""

    def load(self) -> None:
        """Load weights and choose kernels, once. Raises WeightsError, DeviceUnavailable."""
        if self.network is not None:
            return
        device = choose_device(self.device)
        if device.type == "cpu":
            self.threads = self.threads or usable_cores()
            torch.set_num_threads(self.threads)
            # Near a flat picture gradients fall below 1e-38, where every operation takes a hundred times as long. Set
            # before the first parallel work: threads inherit it when they are born.
            torch.set_flush_denormal(True)
        else:
            # on tensor cores convolutions are several times as fast, and what they round does not show; the products
            # that become moments stay whole
            torch.backends.cudnn.fp32_precision = "tf32"
            torch.backends.cuda.matmul.fp32_precision = "ieee"
        weights = load_weights(self.weights)
        with torch.inference_mode():
            network = Network(weights, device)
            if device.type == "cpu":
                self._choose_kernels(network)
            # first calls allocate memory and load code that later ones reuse
            network.forward(torch.zeros(1, 3, 64, 64, device=device), ["relu5_1"])
        self.device = device.type
        self.weights_sha256 = weights.sha256
        self.network = network

    def begin(self, request: Request, control: Control, checkpoint: Checkpoint | None = None) -> Painter:
        """See `Engine.begin`. Raises Cancelled, EngineError, OutOfMemory, CheckpointRefused."""
        if self.network is None:
            raise EngineError("the engine is not loaded yet")
        with engine_errors(), torch.inference_mode():
            made_by = {
                # another version of either computes other numbers
                "version": f"{version()} with torch {torch.__version__}",
                "device": self.device,
                "weights": self.weights_sha256,
                "rim": self.rim,
            }
            shared = Shared(self.network, self.pace, self.clock, self.budget_bytes(), self.rim, made_by)
            return TorchPainter(shared, request, control, checkpoint)

    def _choose_kernels(self, network: Network) -> None:
        # measured in each process they might differ, and with them the last digits of every painting
        memory = KernelMemory(self.kernel_folder, self.threads)
        remembered = memory.read()
        chooser = Chooser(remembered=remembered)
        network.choose_kernels(chooser)
        if chooser.names != remembered:
            agreed = memory.agree(chooser.names, replace=bool(remembered))
            network.choose_kernels(Chooser(remembered=agreed))

    def trim(self) -> None:
        """See `Engine.trim`."""
        give_back(torch.device(self.device))

    def budget_bytes(self) -> int:
        """The memory that the evaluation of a picture may take before it is done in tiles."""
        if self.memory_budget_mb > 0:
            return self.memory_budget_mb << 20
        whole = torch.cuda.get_device_properties(0).total_memory if self.device == "cuda" else machine_bytes()
        return int(whole) // 2

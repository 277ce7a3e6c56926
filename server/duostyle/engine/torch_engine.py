"""The engine: owns the network, and begins paintings."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

import torch

from duostyle import version
from duostyle.engine.api import Checkpoint, CheckpointRefused, Control, Painter, Request
from duostyle.engine.device import choose_device
from duostyle.engine.network.autotune import PRECISION, Chooser, KernelMemory, Names
from duostyle.engine.network.vgg import Network
from duostyle.engine.network.weights import Weights, load_weights
from duostyle.engine.painter import Shared, TorchPainter
from duostyle.engine.precision import DTYPES, evaluations, quicker
from duostyle.engine.preview.instant import Instant
from duostyle.engine.preview.instant_painter import InstantPainter, inputs_of
from duostyle.engine.pyramid import fit
from duostyle.engine.runtime import (
    engine_errors,
    give_back,
    machine_bytes,
    to_alpha,
    to_picture,
    to_tensor,
    with_alpha,
)
from duostyle.engine.schedule import Pace
from duostyle.errors import EngineError
from duostyle.picture import Picture
from duostyle.threads import usable_cores


class TorchEngine:
    """One network on one device, for as long as the process lives. All methods run on one thread, the engine's.

    `device` is `auto`, `cpu` or `cuda` until `load`, then what was chosen; so is `precision`, of `auto`, `float32` or
    `bfloat16` (the last one on the CPU only); `threads` 0 takes all cores; `weights` is
    `vgg16` or `vgg19`; a painting whose evaluation would need more than `memory_budget_mb` MB (0: half of what the
    machine has) is evaluated in tiles. Without `rim` the picture alone is painted, for comparisons with others that do
    the same; it then has a glowing frame, see `canvas`. Which kernels and which precision were the fastest is
    stored in `kernel_folder` (None: for as long as the engine lives).
    """

    def __init__(
        self,
        *,
        device: str = "auto",
        precision: str = "float32",
        threads: int = 0,
        weights: str = "vgg16",
        memory_budget_mb: int = 0,
        rim: bool = True,
        kernel_folder: Path | None = None,
    ) -> None:
        self.device = device
        self.precision = precision
        self.threads = threads
        self.weights = weights
        self.memory_budget_mb = memory_budget_mb
        self.rim = rim
        self.kernel_folder = kernel_folder
        self.clock: Callable[[], float] = time.perf_counter
        self.pace = Pace()
        self.network: Network | None = None
        # of a checkpoint's own precision, when that is not the engine's
        self.other_network: Network | None = None
        self.weights_sha256 = ""
        self.instant: Instant | None = None

    def load(self) -> None:
        """Load weights and choose kernels and precision, once.

        Raises WeightsError, DeviceUnavailable; EngineError when the device has no such precision.
        """
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
            if self.precision == "bfloat16":
                raise EngineError("the precision bfloat16 is there on the CPU only; use --precision auto")
            self.precision = "float32"
            # on tensor cores convolutions are several times as fast, and what they round does not show; the products
            # that become moments stay whole
            torch.backends.cudnn.fp32_precision = "tf32"
            torch.backends.cuda.matmul.fp32_precision = "ieee"
        weights = load_weights(self.weights)
        with torch.inference_mode():
            network = self._cpu_network(weights) if device.type == "cpu" else Network(weights, device)
            # first calls pay for memory and code that later ones find ready
            network.forward(torch.zeros(1, 3, 64, 64, device=device), ["relu5_1"])
            self.instant = Instant(device, network.dtype)
        self.device = device.type
        self.weights_sha256 = weights.sha256
        self.network = network

    def begin(self, request: Request, control: Control, checkpoint: Checkpoint | None = None) -> Painter:
        """See `Engine.begin`. Raises Cancelled, EngineError, OutOfMemory, CheckpointRefused.

        A checkpoint is continued in the precision that it was begun in.
        """
        if self.network is None or self.instant is None:
            raise EngineError("the engine is not loaded yet")
        if request.params.preset == "instant":
            if checkpoint is not None:
                raise CheckpointRefused("an instant picture has no checkpoints")
            with engine_errors(), torch.inference_mode():
                return InstantPainter(self.instant, self.network, request, control, self.clock)
        with engine_errors(), torch.inference_mode():
            network = self.network if checkpoint is None else self._network_of(checkpoint, self.network)
            made_by: dict[str, object] = {
                # another version of either computes other numbers
                "version": f"{version()} with torch {torch.__version__}",
                "device": self.device,
                "weights": self.weights_sha256,
                "rim": self.rim,
            }
            if network.dtype == torch.bfloat16:
                # checkpoints of before there was a choice say nothing, and are float32
                made_by["precision"] = "bfloat16"
            shared = Shared(network, self.instant, self.pace, self.clock, self.budget_bytes(), made_by)
            return TorchPainter(shared, request, control, checkpoint)

    def preview(self, request: Request, names: Sequence[Hashable], check: Callable[[], None]) -> Picture:
        """See `Engine.preview`."""
        if self.network is None or self.instant is None:
            raise EngineError("the engine is not loaded yet")
        with engine_errors(), torch.inference_mode():
            size = fit(request.content.width, request.content.height, request.params.size)
            inputs = inputs_of(self.instant, self.network, request)
            painted = self.instant.paint(inputs, size, request.params, check, names)
            return with_alpha(to_picture(painted), to_alpha(request.content))

    def has_people(self, content: Picture) -> bool:
        """See `Engine.has_people`."""
        if self.network is None or self.instant is None:
            raise EngineError("the engine is not loaded yet")
        with engine_errors(), torch.inference_mode():
            return self.instant.people.find(to_tensor(content, self.network.device)) is not None

    def _cpu_network(self, weights: Weights) -> Network:
        """The network of the precision wished for, with its kernels; `auto` chooses the precision."""
        # measured anew in each process they might differ, and so would the last digits of every painting
        memory = KernelMemory(self.kernel_folder, self.threads)
        remembered = memory.read()
        if self.precision == "auto":
            self.precision = _precision_in(remembered) or "auto"
        cpu = torch.device("cpu")
        if self.precision == "bfloat16":
            return Network(weights, cpu, torch.bfloat16)
        network, chooser = Network(weights, cpu), Chooser(remembered=remembered)
        network.choose_kernels(chooser)
        names = {**chooser.names}
        networks = {"float32": network}
        if self.precision == "auto":
            networks["bfloat16"] = Network(weights, cpu, torch.bfloat16)
            names[PRECISION] = [quicker(evaluations(networks))]
        elif PRECISION in remembered:
            names[PRECISION] = remembered[PRECISION]
        if names != remembered:
            names = memory.agree(names, replace=bool(remembered))
            network.choose_kernels(Chooser(remembered=names))
        if self.precision == "auto":
            self.precision = _precision_in(names) or "float32"
        return networks[self.precision]

    def _network_of(self, checkpoint: Checkpoint, own: Network) -> Network:
        precision = checkpoint.header.get("precision", "float32")
        if self.device != "cpu" or precision not in DTYPES or DTYPES[precision] == own.dtype:
            return own
        if self.other_network is None:
            self.other_network = Network(load_weights(self.weights), own.device, DTYPES[precision])
            remembered = KernelMemory(self.kernel_folder, self.threads).read()
            self.other_network.choose_kernels(Chooser(remembered=remembered))
        return self.other_network

    def trim(self) -> None:
        """See `Engine.trim`."""
        give_back(torch.device(self.device))

    def budget_bytes(self) -> int:
        """The memory that the evaluation of a picture may take before it is done in tiles."""
        if self.memory_budget_mb > 0:
            return self.memory_budget_mb << 20
        whole = torch.cuda.get_device_properties(0).total_memory if self.device == "cuda" else machine_bytes()
        return int(whole) // 2


def _precision_in(remembered: Names) -> str | None:
    """What was remembered of the precision, unless that is nothing known."""
    name = "".join(remembered.get(PRECISION, ()))
    return name if name in DTYPES else None

"""The engine before torch is imported: settings that its libraries read first, and the engine itself, imported late.

Importing this module does not import torch, which takes seconds: the command line answers and the tests start without.
"""

from __future__ import annotations

from collections.abc import MutableMapping

from duostyle.engine.api import Engine
from duostyle.settings import Settings

# Two thread pools share the cores (OpenMP's and NNPACK's): one that waits in a busy loop takes the core that the other
# works on. Large pages spare most of the page faults of tensors that come and go in every evaluation.
WISHES = {"OMP_WAIT_POLICY": "PASSIVE", "THP_MEM_ALLOC_ENABLE": "1"}


def prepare(environ: MutableMapping[str, str]) -> None:
    """Set the variables in an environment (`os.environ`) unless the user has set them; call before importing torch."""
    for name, value in WISHES.items():
        environ.setdefault(name, value)


def create_engine(settings: Settings) -> Engine:
    """The real engine, not loaded yet, on the device, in the precision and with the threads, weights and memory
    of the settings."""
    from duostyle.engine.torch_engine import TorchEngine

    return TorchEngine(
        device=settings.device,
        precision=settings.precision,
        threads=settings.threads,
        weights=settings.weights,
        memory_budget_mb=settings.memory_budget_mb,
        kernel_folder=settings.kernel_dir,
    )


def check_start(settings: Settings) -> None:
    """Find out before anything else starts what the engine could not load with, as far as that is quick: the weights,
    and a GPU that was asked for by name. Imports torch for these and for vgg19 alone. Raises WeightsError,
    DeviceUnavailable."""
    from duostyle.engine.network.weights_file import SHA256, VGG16_FILE, checked_sha256, shipped_bytes

    for name in SHA256:
        if name != VGG16_FILE or settings.weights == "vgg16":
            checked_sha256(name, shipped_bytes(name))
    if settings.weights == "vgg19":
        from duostyle.engine.network.weights import check_vgg19

        check_vgg19()
    check_device(settings.device)


def check_device(name: str) -> None:
    """Raises DeviceUnavailable for `cuda` where it cannot be used. Imports torch for it alone."""
    if name == "cuda":
        from duostyle.engine.device import choose_device

        choose_device(name)


def weights_sha256(name: str) -> str:
    """The SHA-256 of the weights `vgg16` or `vgg19`, read and checked. Raises WeightsError."""
    if name == "vgg16":
        from duostyle.engine.network.weights_file import VGG16_FILE, checked_sha256, shipped_bytes

        return checked_sha256(VGG16_FILE, shipped_bytes(VGG16_FILE))
    from duostyle.engine.network.weights import load_weights

    return load_weights(name).sha256

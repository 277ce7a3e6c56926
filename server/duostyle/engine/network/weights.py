"""Find, check and load the frozen feature weights: the shipped VGG-16, or torchvision's VGG-19 when asked for.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014, table 1.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor

from duostyle.engine.network.weights_file import VGG16_FILE, checked_sha256, shipped_bytes
from duostyle.errors import WeightsError

# convolutions per block; a 2x2 pooling follows each block but the last
VGG16_BLOCKS = (2, 2, 3, 3, 1)
VGG19_BLOCKS = (2, 2, 4, 4, 1)
# until a server that has the file of VGG-19 answers
_ANSWER_S = 10.0


@dataclass(frozen=True)
class Weights:
    """Frozen weights. `convs` maps `conv1_1`... to (weight [out, in, 3, 3], bias [out]), float32, in network order.

    The network's input is `(x * scale) - mean` per RGB channel for a picture x in 0..1; `mean` and `scale` have 3
    entries each.
    """

    name: str
    sha256: str
    blocks: tuple[int, ...]
    convs: dict[str, tuple[Tensor, Tensor]]
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]


def layer_names(blocks: tuple[int, ...]) -> list[str]:
    """`["1_1", "1_2", "2_1", ...]` for this many convolutions per block."""
    return [f"{block}_{conv}" for block, count in enumerate(blocks, 1) for conv in range(1, count + 1)]


def load_weights(name: str = "vgg16") -> Weights:
    """Load `vgg16` (shipped) or `vgg19` (torchvision's, downloaded by torchvision when not in its cache).

    Raises WeightsError when the file is missing or damaged, or when the download fails.
    """
    if name == "vgg16":
        return parse_vgg16(shipped_bytes(VGG16_FILE))
    if name == "vgg19":
        return _load_vgg19()
    raise WeightsError(f"unknown weights {name!r}", limit=["vgg16", "vgg19"], got=name)


def parse_vgg16(data: bytes) -> Weights:
    """Check the bytes of the shipped file by hash and read them. Raises WeightsError when they are damaged."""
    digest = checked_sha256(VGG16_FILE, data)
    tensors = read_tensors(VGG16_FILE, data)
    try:
        convs = {
            f"conv{layer}": (tensors[f"conv{layer}.weight"], tensors[f"conv{layer}.bias"])
            for layer in layer_names(VGG16_BLOCKS)
        }
    except KeyError as error:
        raise WeightsError(f"the weights {VGG16_FILE} cannot be read: {error} is not there") from error
    # the Keras distribution: 0..255 minus the ImageNet mean
    return Weights("vgg16", digest, VGG16_BLOCKS, convs, (123.68, 116.779, 103.939), (255.0, 255.0, 255.0))


def read_tensors(name: str, data: bytes) -> dict[str, Tensor]:
    """The tensors, float32 by name, in the bytes of the shipped file `name`. Raises WeightsError."""
    try:
        return {key: tensor.float() for key, tensor in load_safetensors(data).items()}
    except SafetensorError as error:
        raise WeightsError(f"the weights {name} cannot be read: {error}") from error


def check_vgg19() -> None:
    """Find out whether VGG-19 could be loaded: its file is there and whole, or there is where to download it from and
    a folder to put it into. Raises WeightsError."""
    url, path = _vgg19_url(), _cache_path(_vgg19_url())
    if path.exists():
        check_named_hash(path)
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(path.parent, os.W_OK):
            raise PermissionError(f"the folder {path.parent} is read-only")
        # as torchvision asks for it
        with urlopen(Request(url, headers={"User-Agent": "torch.hub"}), timeout=_ANSWER_S):  # noqa: S310 a fixed https URL
            pass
    except OSError as error:
        raise _no_vgg19(error) from error


def check_named_hash(path: Path) -> None:
    """Check a file `NAME-HASH.pth`, whose name holds the beginning of its SHA-256. Raises WeightsError when it is
    damaged or cannot be read."""
    wanted = path.stem.rpartition("-")[2]
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"the weights {path} cannot be read: {error.strerror or error}") from error
    if not digest.startswith(wanted):
        raise WeightsError(
            f"the weights {path} are damaged; remove the file, or use the shipped vgg16", limit=wanted, got=digest
        )


def _vgg19_url() -> str:
    # torchvision takes most of a second to import, and only VGG-19 needs it
    from torchvision.models import VGG19_Weights

    return str(VGG19_Weights.IMAGENET1K_V1.url)


def _cache_path(url: str) -> Path:
    """Where torchvision keeps what it has downloaded."""
    return Path(torch.hub.get_dir(), "checkpoints", url.rsplit("/", 1)[-1])


def _no_vgg19(reason: Exception) -> WeightsError:
    url = _vgg19_url()
    return WeightsError(
        f"torchvision could not get the VGG-19 weights ({reason}); put the file of {url} into "
        f"{_cache_path(url).parent}, or use the shipped vgg16"
    )


def _load_vgg19() -> Weights:
    from torchvision.models import VGG19_Weights

    source, path = VGG19_Weights.IMAGENET1K_V1, _cache_path(_vgg19_url())
    if path.exists():
        # torchvision checks what it downloads, but not what it finds
        check_named_hash(path)
    try:
        state = source.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (OSError, RuntimeError) as error:
        raise _no_vgg19(error) from error
    convs: dict[str, tuple[Tensor, Tensor]] = {}
    index = 0
    for block, count in enumerate((2, 2, 4, 4, 4), 1):
        for conv in range(1, count + 1):
            if f"{block}_{conv}" in layer_names(VGG19_BLOCKS):
                convs[f"conv{block}_{conv}"] = (state[f"features.{index}.weight"], state[f"features.{index}.bias"])
            index += 2
        index += 1
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    digest = source.url.rsplit("-", 1)[-1].removesuffix(".pth")
    red, green, blue = (m / s for m, s in zip(mean, std, strict=True))
    return Weights("vgg19", digest, VGG19_BLOCKS, convs, (red, green, blue), (1 / std[0], 1 / std[1], 1 / std[2]))

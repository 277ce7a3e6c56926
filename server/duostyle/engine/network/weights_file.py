"""The file of the shipped weights: where it is and whether it is whole. Needs no torch."""

from __future__ import annotations

import hashlib
from importlib import resources

from duostyle.errors import WeightsError

VGG16_SHA256 = "775e55ccebcdb1450d5c1f52d0762aa2c0edeb83575c301e8f2689cd44d40608"
VGG16_FILE = "vgg16-features-fp16.safetensors"


def vgg16_bytes() -> bytes:
    """The shipped file. Raises WeightsError when it is not there."""
    try:
        return resources.files("duostyle.data").joinpath("weights", VGG16_FILE).read_bytes()
    except OSError as error:
        raise WeightsError(f"the feature weights {VGG16_FILE} are missing; install duostyle again") from error


def checked_sha256(data: bytes) -> str:
    """The SHA-256 of the shipped file's bytes. Raises WeightsError when they are damaged."""
    digest = hashlib.sha256(data).hexdigest()
    if digest != VGG16_SHA256:
        raise WeightsError(
            f"the feature weights {VGG16_FILE} are damaged; install duostyle again", limit=VGG16_SHA256, got=digest
        )
    return digest

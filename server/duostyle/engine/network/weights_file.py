"""The files of the shipped weights: where they are and whether they are whole. Needs no torch."""

from __future__ import annotations

import hashlib
from importlib import resources

from duostyle.errors import WeightsError

VGG16_FILE = "vgg16-features-fp16.safetensors"
INSTANT_FILE = "instant-fp16.safetensors"
PERSON_FILE = "person-fp16.safetensors"
SHA256 = {
    VGG16_FILE: "775e55ccebcdb1450d5c1f52d0762aa2c0edeb83575c301e8f2689cd44d40608",
    INSTANT_FILE: "e8fe5dcbbc22e5edfa7326ebeb54cd39edf00bf7caeabf925f0d89bb825df255",
    PERSON_FILE: "77d136af02489ca3d1235667f57eb6b9ce93e01f5b3b56378270c985eb8681e8",
}


def shipped_bytes(name: str) -> bytes:
    """The file of this name, one of `SHA256`. Raises WeightsError when it is not there."""
    try:
        return resources.files("duostyle.data").joinpath("weights", name).read_bytes()
    except OSError as error:
        raise WeightsError(f"the weights {name} are missing; install duostyle again") from error


def checked_sha256(name: str, data: bytes) -> str:
    """The SHA-256 of that file's bytes. Raises WeightsError when they are damaged."""
    digest = hashlib.sha256(data).hexdigest()
    if digest != SHA256[name]:
        raise WeightsError(f"the weights {name} are damaged; install duostyle again", limit=SHA256[name], got=digest)
    return digest

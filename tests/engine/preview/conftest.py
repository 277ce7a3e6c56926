"""The feed-forward networks, loaded once, and what their original files answered."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from duostyle.engine.preview.person import PersonFinder
from duostyle.engine.preview.predictor import Predictor
from duostyle.engine.preview.transformer import Transformer
from duostyle.engine.preview.weights import instant_weights, person_weights

CPU = torch.device("cpu")


def gallery(name: str, side_px: int | None = None) -> Tensor:
    """A picture of the gallery, squeezed to a square as scripts/convert_preview.py does, [1, 3, h, w] in 0..1."""
    with resources.files("duostyle.data").joinpath("gallery", name).open("rb") as file:
        image = Image.open(file).convert("RGB")
    if side_px is not None:
        image = image.resize((side_px, side_px), Image.Resampling.BICUBIC)
    return torch.tensor(np.asarray(image)).permute(2, 0, 1)[None].float() / 255


@pytest.fixture(scope="session")
def weights() -> dict[str, Tensor]:
    return instant_weights()


@pytest.fixture(scope="session")
def predictor(weights: dict[str, Tensor]) -> Predictor:
    return Predictor(weights, CPU)


@pytest.fixture(scope="session")
def transformer(weights: dict[str, Tensor]) -> Transformer:
    """As the original file is."""
    return Transformer(weights, CPU, enlarge="nearest")


@pytest.fixture(scope="session")
def finder() -> PersonFinder:
    return PersonFinder(person_weights(), CPU)


@pytest.fixture(scope="session")
def answers() -> dict[str, Tensor]:
    """Recorded by scripts/convert_preview.py with onnxruntime 1.32.0 and ai-edge-litert 2.3.0 from files of SHA-256

    arbitrary_predict.onnx      d832a92a6afc170510252cc5b65836fcf8354909e6f17cf02f8960f4e054a20d
    arbitrary_transform.onnx    866c80c340bee8d1c72f5237476244ccd9a6c1b11afdb9e7de37591b7a2345cd
    selfie_segmentation.tflite  8d13b7fae74af625c641226813616a2117bd6bca19eb3b75574621fc08557f27
    """
    return load_file(Path(__file__).with_name("answers.safetensors"))

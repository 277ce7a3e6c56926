"""Which device is used, and what is said when the one that was asked for cannot be."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch

from duostyle.engine import device as module
from duostyle.engine.device import choose_device, try_out
from duostyle.errors import DeviceUnavailable

NO_KERNEL = "CUDA error: no kernel image is available for execution on the device\nCompile with TORCH_USE_CUDA_DSA"
OLD_DRIVER = "CUDA initialization: The NVIDIA driver on your system is too old (found version 11040).\nUpdate it."


class Gpu:
    """torch.cuda as it would be with some GPU, or without."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.there, self.warning, self.error = False, "", ""
        self.driver = folder / "gpus"
        monkeypatch.setattr(torch.cuda, "is_available", self.is_available)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "NVIDIA GeForce GTX 780")
        monkeypatch.setattr(module, "try_out", self.try_out)
        monkeypatch.setattr(module, "_DRIVER", self.driver)

    def is_available(self) -> bool:
        if self.warning:
            warnings.warn(self.warning, stacklevel=2)
        return self.there

    def try_out(self, device: torch.device) -> None:
        assert device.type == "cuda"
        if self.error:
            raise RuntimeError(self.error)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Gpu:
    return Gpu(monkeypatch, tmp_path)


@pytest.mark.parametrize(
    ("name", "there", "wanted"),
    [
        ("auto", True, "cuda"),
        ("auto", False, "cpu"),
        ("cpu", True, "cpu"),
        ("cpu", False, "cpu"),
        ("cuda", True, "cuda"),
    ],
)
def test_the_device(gpu: Gpu, caplog: pytest.LogCaptureFixture, name: str, there: bool, wanted: str) -> None:
    gpu.there = there
    assert choose_device(name).type == wanted
    assert caplog.text == "", "nothing is wrong"


def test_cuda_asked_for_by_name_and_not_there(gpu: Gpu) -> None:
    with pytest.raises(DeviceUnavailable) as caught:
        choose_device("cuda")
    assert caught.value.message == (
        "the device cuda cannot be used: torch finds no CUDA device; use --device cpu or auto"
    )


@pytest.mark.parametrize(
    ("warning", "error", "reason"),
    [
        ("", NO_KERNEL, "no kernel image is available for execution on the device"),
        ("", "", "was built without CUDA"),
        (OLD_DRIVER, "", "The NVIDIA driver on your system is too old (found version 11040)"),
    ],
    ids=["too old a GPU", "torch without CUDA", "too old a driver"],
)
def test_a_gpu_that_torch_cannot_use(
    gpu: Gpu,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    warning: str,
    error: str,
    reason: str,
) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    gpu.driver.mkdir()
    gpu.there, gpu.warning, gpu.error = bool(error), warning, error
    with pytest.raises(DeviceUnavailable) as caught:
        choose_device("cuda")
    assert reason in caught.value.message
    assert "\n" not in caught.value.message
    assert choose_device("auto").type == "cpu"
    (record,) = caplog.records
    assert record.getMessage() == "the GPU cannot be used, so the engine computes on the processor"
    assert reason in vars(record)["reason"]


def test_what_is_tried_can_be_computed() -> None:
    try_out(torch.device("cpu"))
    with pytest.raises((RuntimeError, NotImplementedError)):
        try_out(torch.device("meta"))

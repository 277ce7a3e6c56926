"""The feature weights: the shipped file whole, damaged or missing; torchvision's without any download."""

from __future__ import annotations

import hashlib
import socket
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from duostyle.engine.network.vgg import Network
from duostyle.engine.network.weights import (
    VGG16_BLOCKS,
    VGG19_BLOCKS,
    Weights,
    check_named_hash,
    check_vgg19,
    layer_names,
    load_weights,
    parse_vgg16,
)
from duostyle.engine.network.weights_file import SHA256, VGG16_FILE, shipped_bytes
from duostyle.errors import WeightsError

# convolutions of torchvision's vgg19().features, and what the publication calls them
VGG19_FEATURES = {
    0: "conv1_1",
    2: "conv1_2",
    5: "conv2_1",
    7: "conv2_2",
    10: "conv3_1",
    12: "conv3_2",
    14: "conv3_3",
    16: "conv3_4",
    19: "conv4_1",
    21: "conv4_2",
    23: "conv4_3",
    25: "conv4_4",
    28: "conv5_1",
}
CHANNELS = {"1": 64, "2": 128, "3": 256, "4": 512, "5": 512}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> None:
        raise AssertionError("nothing may be downloaded")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_layer_names() -> None:
    assert layer_names((2, 1)) == ["1_1", "1_2", "2_1"]
    assert layer_names(VGG16_BLOCKS)[-1] == "5_1"
    assert "4_2" in layer_names(VGG16_BLOCKS)
    assert "3_4" in layer_names(VGG19_BLOCKS)


def test_the_shipped_weights(weights: Weights) -> None:
    assert weights.name == "vgg16"
    assert weights.sha256 == SHA256[VGG16_FILE]
    assert list(weights.convs) == [f"conv{layer}" for layer in layer_names(VGG16_BLOCKS)]
    ins = 3
    for name, (weight, bias) in weights.convs.items():
        outs = CHANNELS[name[4]]
        assert weight.shape == (outs, ins, 3, 3)
        assert bias.shape == (outs,)
        assert weight.dtype == bias.dtype == torch.float32
        assert bool(torch.isfinite(weight).all())
        assert not weight.requires_grad
        ins = outs


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "foreign"])
def test_damaged_bytes_are_found(damage: str) -> None:
    data = shipped_bytes(VGG16_FILE)
    broken = {
        "empty": b"",
        "cut": data[:-1],
        "flipped": data[:5000] + bytes([data[5000] ^ 1]) + data[5001:],
        "foreign": b"not weights at all",
    }[damage]
    with pytest.raises(WeightsError, match=VGG16_FILE) as caught:
        parse_vgg16(broken)
    assert caught.value.limit == SHA256[VGG16_FILE]
    assert caught.value.got != SHA256[VGG16_FILE]
    assert "\n" not in caught.value.message


def test_bytes_of_another_form_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for data in (b"not weights at all", module_bytes_without_layers()):
        monkeypatch.setitem(SHA256, VGG16_FILE, hashlib.sha256(data).hexdigest())
        with pytest.raises(WeightsError, match=VGG16_FILE):
            parse_vgg16(data)


def module_bytes_without_layers() -> bytes:
    from safetensors.torch import save

    return save({"conv1_1.weight": torch.zeros(1)})


def test_a_missing_file_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duostyle.engine.network.weights.VGG16_FILE", "no-such-file.safetensors")
    with pytest.raises(WeightsError, match=r"no-such-file\.safetensors"):
        load_weights("vgg16")


def test_unknown_weights_are_an_error() -> None:
    with pytest.raises(WeightsError, match="resnet"):
        load_weights("resnet")


def _torchvision_state() -> dict[str, Tensor]:
    """Right names and shapes; each entry is filled with its own index, so that a mix-up shows."""
    state: dict[str, Tensor] = {}
    ins = 3
    for index, name in VGG19_FEATURES.items():
        outs = CHANNELS[name[4]]
        state[f"features.{index}.weight"] = torch.tensor(float(index)).expand(outs, ins, 3, 3)
        state[f"features.{index}.bias"] = torch.tensor(-float(index)).expand(outs)
        ins = outs
    return state


def _answer(monkeypatch: pytest.MonkeyPatch, state: dict[str, Tensor] | Exception) -> None:
    from torchvision.models import VGG19_Weights

    def get_state_dict(self: object, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        if isinstance(state, Exception):
            raise state
        return state

    monkeypatch.setattr(VGG19_Weights, "get_state_dict", get_state_dict)


def test_the_layers_of_vgg19_are_torchvisions(monkeypatch: pytest.MonkeyPatch) -> None:
    _answer(monkeypatch, _torchvision_state())
    got = load_weights("vgg19")
    assert got.name == "vgg19"
    assert list(got.convs) == list(VGG19_FEATURES.values())
    for index, name in VGG19_FEATURES.items():
        weight, bias = got.convs[name]
        assert float(weight[0, 0, 0, 0]) == index
        assert float(bias[0]) == -index


def test_the_input_of_vgg19_is_normalised_as_torchvision_does(monkeypatch: pytest.MonkeyPatch) -> None:
    _answer(monkeypatch, _torchvision_state())
    got = load_weights("vgg19")
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = torch.tensor([0.1, 0.5, 0.9])
    assert torch.allclose(x * torch.tensor(got.scale) - torch.tensor(got.mean), (x - mean) / std, atol=1e-5)


def test_a_network_of_vgg19_has_the_same_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    _answer(monkeypatch, _torchvision_state())
    network = Network(load_weights("vgg19"), torch.device("meta"))
    features = network.features(torch.zeros(1, 3, 32, 48, device="meta"), ["relu4_2", "relu5_1"])
    assert features["relu4_2"].shape == (1, 512, 4, 6)
    assert features["relu5_1"].shape == (1, 512, 2, 3)


@pytest.mark.parametrize(
    "failure", [OSError("no route to host"), ConnectionResetError("reset"), RuntimeError("invalid hash value")]
)
def test_a_failed_download_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    _answer(monkeypatch, failure)
    with pytest.raises(WeightsError) as caught:
        load_weights("vgg19")
    message = caught.value.message
    assert str(failure) in message
    assert ".pth" in message
    assert "vgg16" in message
    assert "\n" not in message
    assert caught.value.__cause__ is failure


@pytest.fixture
def vgg19_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where torchvision looks for the file of VGG-19 before it downloads; nothing is there."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path / "hub" / "checkpoints" / "vgg19-dcbb9e9d.pth"


@pytest.mark.parametrize("check", [check_vgg19, lambda: load_weights("vgg19")])
def test_a_damaged_file_of_vgg19_is_found(vgg19_file: Path, check: Any) -> None:
    vgg19_file.parent.mkdir(parents=True)
    vgg19_file.write_bytes(b"half a down")
    with pytest.raises(WeightsError, match="damaged") as caught:
        check()
    assert str(vgg19_file) in caught.value.message
    assert caught.value.limit == "dcbb9e9d"
    assert caught.value.got == hashlib.sha256(b"half a down").hexdigest()


def test_a_file_named_by_its_hash_is_whole(tmp_path: Path) -> None:
    # the first eight digits of its SHA-256
    whole = tmp_path / "some-net-ba7816bf.pth"
    whole.write_bytes(b"abc")
    check_named_hash(whole)
    whole.write_bytes(b"abd")
    with pytest.raises(WeightsError, match="damaged"):
        check_named_hash(whole)


def test_a_file_of_vgg19_that_cannot_be_read_is_one_clear_line(vgg19_file: Path) -> None:
    vgg19_file.mkdir(parents=True)
    with pytest.raises(WeightsError, match=r"vgg19-dcbb9e9d.pth cannot be read: Is a directory"):
        check_vgg19()


def test_vgg19_that_cannot_be_downloaded_is_found_before_the_download(
    vgg19_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_name(*_: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_name)
    with pytest.raises(WeightsError, match="Name or service not known") as caught:
        check_vgg19()
    assert f"https://download.pytorch.org/models/vgg19-dcbb9e9d.pth into {vgg19_file.parent}," in caught.value.message


def test_vgg19_that_could_not_be_stored_is_found_before_the_download(
    vgg19_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vgg19_file.parent.parent.write_text("a file where the folder shall be")
    with pytest.raises(WeightsError, match="Not a directory"):
        check_vgg19()
    vgg19_file.parent.parent.unlink()
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(WeightsError, match="is read-only"):
        check_vgg19()


def test_vgg19_that_can_be_downloaded_is_not_downloaded_by_the_check(
    vgg19_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(request: Any, *, timeout: float) -> Any:
        asked.append(request.full_url)
        return nullcontext()

    monkeypatch.setattr("duostyle.engine.network.weights.urlopen", answer)
    check_vgg19()
    assert asked == ["https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"]
    assert list(vgg19_file.parent.iterdir()) == []

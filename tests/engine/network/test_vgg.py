"""The feature extractor and its own backward pass, against plain torch with autograd."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from duostyle.engine.network.autotune import Chooser
from duostyle.engine.network.layers import Choice
from duostyle.engine.network.vgg import Network, TapGradient
from duostyle.engine.network.weights import Weights
from duostyle.params import STYLE_LAYERS
from tests.support.engine.pictures import random_picture, scene
from tests.support.engine.reference import gradient_of, plain_features, relative_error

pytestmark = pytest.mark.weights
TAPS = (*STYLE_LAYERS, "relu4_2")


class _Stop(Exception):
    pass


def _plain_network(weights: Weights) -> Network:
    """With torch's own kernels everywhere: no Winograd rounding."""
    return Network(weights, torch.device("cpu"))


def _random_taps(
    features: dict[str, Tensor], layers: tuple[str, ...], with_bias: bool
) -> tuple[dict[str, TapGradient], dict[str, Tensor]]:
    """Taps of given constant gradients, and the whole gradient of each tapped layer for the oracle."""
    generator = torch.Generator().manual_seed(3)
    taps: dict[str, TapGradient] = {}
    whole: dict[str, Tensor] = {}
    for layer in layers:
        shape = features[layer].shape
        change = torch.randn(shape, generator=generator) / features[layer].numel() ** 0.5
        bias = torch.randn(shape[1], generator=generator) / features[layer].numel() ** 0.5 if with_bias else None

        def add(h: Tensor, gradient: Tensor | None, change: Tensor = change) -> Tensor:
            return change.clone() if gradient is None else gradient + change

        taps[layer] = TapGradient(add, bias)
        whole[layer] = change if bias is None else change + bias.view(1, -1, 1, 1)
    return taps, whole


@pytest.mark.parametrize(("width", "height"), [(32, 32), (37, 23), (16, 16), (70, 17)])
def test_features_equal_plain_torch(network: Network, weights: Weights, width: int, height: int) -> None:
    x = scene(width, height)
    wanted = plain_features(weights, x.double(), TAPS)
    got = network.features(x, TAPS)
    assert set(got) == set(TAPS)
    for layer in TAPS:
        assert relative_error(got[layer], wanted[layer]) < 1e-3, layer


@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize(("width", "height"), [(32, 32), (37, 23), (50, 17)])
def test_the_gradient_through_all_taps_equals_autograd(
    weights: Weights, width: int, height: int, with_bias: bool
) -> None:
    x = random_picture(width, height)
    variable = x.double().requires_grad_()
    features = plain_features(weights, variable, TAPS)
    taps, whole = _random_taps(features, TAPS, with_bias)
    wanted = gradient_of(torch.stack([(features[layer] * whole[layer]).sum() for layer in TAPS]).sum(), variable)
    network = _plain_network(weights)
    assert relative_error(network.backward(network.forward(x, TAPS), taps), wanted) < 1e-3


# the last layers of their blocks too: pooling comes right after them
@pytest.mark.parametrize("layers", [*((layer,) for layer in TAPS), ("relu1_2",), ("relu2_2", "relu4_1"), ("relu3_3",)])
def test_the_gradient_through_some_taps_equals_autograd(weights: Weights, layers: tuple[str, ...]) -> None:
    x = random_picture(29, 35)
    variable = x.double().requires_grad_()
    features = plain_features(weights, variable, list(layers))
    taps, whole = _random_taps(features, layers, with_bias=True)
    wanted = gradient_of(torch.stack([(features[layer] * whole[layer]).sum() for layer in layers]).sum(), variable)
    network = _plain_network(weights)
    # layers beyond the deepest tap carry no gradient
    assert relative_error(network.backward(network.forward(x, ["relu5_1"]), taps), wanted) < 1e-3


def test_the_chosen_kernels_give_the_same_gradient(network: Network, weights: Weights) -> None:
    x = random_picture(45, 33)
    plain = _plain_network(weights)
    taps, _ = _random_taps(plain.features(x, TAPS), TAPS, with_bias=True)
    wanted = plain.backward(plain.forward(x, TAPS), taps)
    # Winograd rounds at about 1e-4 a layer, and each ReLU at 0 may flip
    assert relative_error(network.backward(network.forward(x, TAPS), taps), wanted) < 1e-2


def test_pooling_is_the_average(weights: Weights) -> None:
    network = _plain_network(weights)
    outputs = network.forward(scene(8, 8), ["relu2_1"])
    pooled = outputs[1].unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5))
    assert torch.allclose(outputs[2], network.convs[2].forward(pooled).relu(), atol=1e-3)


def test_activations_are_not_negative_and_go_as_deep_as_asked(network: Network) -> None:
    x = scene(24, 16)
    outputs = network.forward(x, ["relu2_1", "relu1_1"])
    assert [tuple(h.shape) for h in outputs] == [(1, 64, 16, 24), (1, 64, 16, 24), (1, 128, 8, 12)]
    assert all(float(h.min()) >= 0 for h in outputs)


def test_the_picture_is_left_alone_and_nothing_is_remembered(network: Network) -> None:
    x = scene(24, 16)
    before = x.clone()
    first = network.features(x, ["relu3_1"])["relu3_1"].clone()
    network.features(random_picture(20, 20), ["relu4_1"])
    assert torch.equal(network.features(x, ["relu3_1"])["relu3_1"], first)
    assert torch.equal(x, before)


def test_check_comes_before_every_convolution(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    for layer in network.convs:
        for name in ("choice", "choice_back"):
            choice: Choice = getattr(layer, name)

            def logged(x: Tensor, weight: Tensor, bias: Tensor, choice: Choice = choice) -> Tensor:
                log.append("convolution")
                return choice(x, weight, bias)

            monkeypatch.setattr(layer, name, logged)
    outputs = network.forward(scene(32, 32), TAPS, lambda: log.append("check"))
    count = network.depth(TAPS)
    assert log == ["check", "convolution"] * count
    log.clear()
    taps, _ = _random_taps({"relu5_1": outputs[-1]}, ("relu5_1",), with_bias=False)
    network.backward(outputs, taps, lambda: log.append("check"))
    assert log == ["check", "convolution"] * count


@pytest.mark.parametrize("stop_at", [1, 4, 9])
def test_check_can_stop_it_in_the_middle(network: Network, stop_at: int) -> None:
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == stop_at:
            raise _Stop

    with pytest.raises(_Stop):
        network.forward(scene(32, 32), ["relu5_1"], check)
    assert calls == stop_at
    outputs = network.forward(scene(32, 32), ["relu5_1"])
    taps, _ = _random_taps({"relu5_1": outputs[-1]}, ("relu5_1",), with_bias=True)
    calls = 0
    with pytest.raises(_Stop):
        network.backward(outputs, taps, check)
    assert calls == stop_at


def test_backward_empties_the_outputs(network: Network) -> None:
    outputs = network.forward(scene(16, 16), ["relu3_1"])
    taps, _ = _random_taps({"relu3_1": outputs[-1]}, ("relu3_1",), with_bias=False)
    network.backward(outputs, taps)
    assert outputs == []


def test_backward_needs_a_tap(network: Network) -> None:
    with pytest.raises(ValueError, match="no tap"):
        network.backward(network.forward(scene(16, 16), ["relu1_1"]), {})


def test_layers_are_found_by_name(network: Network) -> None:
    assert network.index("relu1_1") == 0
    assert network.index("relu2_1") == 2
    assert network.depth(["relu2_1", "relu1_1"]) == 3
    with pytest.raises(ValueError, match="9_9"):
        network.index("relu9_9")


class _NoChooser(Chooser):
    def choose(self, ins: int, outs: int) -> Choice:
        raise AssertionError("kernels are chosen on the CPU only")


def test_kernels_are_measured_on_the_cpu_only(weights: Weights) -> None:
    # "meta" is a device that every machine has; what is true of it holds for CUDA
    network = Network(weights, torch.device("meta"))
    network.choose_kernels(_NoChooser())
    assert all(layer.choice == Choice() and layer.choice_back == Choice() for layer in network.convs)
    assert network.forward(torch.zeros(1, 3, 32, 32, device="meta"), ["relu5_1"])[-1].shape == (1, 512, 2, 2)

"""Curvature by frequency, on costs that are diagonal in Fourier space, so that all of it is known."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch import Tensor

from duostyle.engine.optim.lbfgs import Lbfgs
from duostyle.engine.optim.preconditioner import TRUSTED_AFTER, Spectrum, fast_length

# none of them is padded
SIZES = [(16, 16), (15, 21), (21, 15), (1, 9), (9, 1), (1, 1)]


def _noise(height: int, width: int, seed: int = 0, channels: int = 3) -> Tensor:
    return torch.randn(1, channels, height, width, generator=torch.Generator().manual_seed(seed))


def _wave(height: int, width: int, periods: int) -> Tensor:
    """Only one frequency: so many periods from left to right."""
    columns = torch.arange(width) * (2 * math.pi * periods / width)
    return columns.cos().expand(1, 3, height, width).clone()


def _steep(x: Tensor, spectrum: Spectrum, curvatures: Tensor) -> Tensor:
    """The gradient of a cost whose curvature in each band is given."""
    slope: Tensor = torch.fft.irfft2(torch.fft.rfft2(x) * curvatures[spectrum.band], s=x.shape[-2:])
    return slope


def _taught(spectrum: Spectrum, curvatures: Tensor, times: int = TRUSTED_AFTER) -> Spectrum:
    for seed in range(times):
        step = _noise(*spectrum.size, seed=seed)
        spectrum.learn(step, _steep(step, spectrum, curvatures))
    return spectrum


def _present(spectrum: Spectrum) -> list[int]:
    return sorted(set(spectrum.band.flatten().tolist()))


def _median(spectrum: Spectrum, curvatures: Tensor) -> float:
    """The upper median of the bands that a picture of this size has."""
    present = [float(curvatures[band]) for band in _present(spectrum)]
    present.sort()
    return float(present[len(present) // 2])


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_curvature_of_each_band_is_found(height: int, width: int) -> None:
    spectrum = Spectrum(height, width)
    truth = torch.linspace(1, 3, spectrum.bands)
    found = _taught(spectrum, truth).curvatures()
    median = _median(spectrum, truth)
    present = _present(spectrum)
    assert [found[band] for band in present] == pytest.approx(
        [float(truth[band]) / median for band in present], rel=1e-4
    )


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_flattening_undoes_the_curvature(height: int, width: int) -> None:
    spectrum = Spectrum(height, width)
    truth = torch.linspace(1, 3, spectrum.bands)
    _taught(spectrum, truth)
    other = _noise(height, width, seed=9)
    flat = spectrum.flatten(_steep(other, spectrum, truth))
    assert torch.allclose(flat, other * _median(spectrum, truth), atol=1e-4)


def test_one_step_is_believed_a_little() -> None:
    spectrum = Spectrum(16, 16)
    truth = torch.linspace(1, 3, spectrum.bands)
    little = _taught(spectrum, truth, times=1).curvatures()
    assert little[-1] == pytest.approx((3 / _median(spectrum, truth)) ** (1 / 3), rel=1e-4)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (15, 21), (21, 15)])
def test_the_last_step_sets_the_scale(height: int, width: int) -> None:
    # equation 7.20: s.y / y.Dy, worked out here from the pictures themselves
    spectrum = Spectrum(height, width)
    step, change = _noise(height, width), _noise(height, width, seed=1) + _noise(height, width)
    spectrum.learn(step, change)
    curvature = float((step * change).sum())
    factor = curvature / float((change * spectrum.flatten(change)).sum())
    wanted = spectrum.flatten(step) * factor
    assert torch.allclose(spectrum.flatten(step, curvature), wanted, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(15, 21), (13, 22), (37, 1)])
def test_flattening_is_symmetric_and_positive(height: int, width: int) -> None:
    spectrum = Spectrum(height, width)
    spectrum.learn(_noise(height, width), _noise(height, width, seed=1))
    a, b = _noise(height, width, seed=2), _noise(height, width, seed=3)
    assert float((a * spectrum.flatten(b)).sum()) == pytest.approx(float((b * spectrum.flatten(a)).sum()), rel=1e-3)
    assert float((a * spectrum.flatten(a)).sum()) > 0


@pytest.mark.parametrize(
    ("length", "wanted"), [(1, 1), (11, 12), (13, 14), (22, 24), (120, 120), (404, 405), (532, 540), (808, 810)]
)
def test_transforms_have_lengths_without_large_prime_factors(length: int, wanted: int) -> None:
    assert fast_length(length) == wanted


@pytest.mark.parametrize(("height", "width"), [(13, 22), (37, 11)])
def test_padding_changes_neither_the_sums_nor_the_identity(height: int, width: int) -> None:
    spectrum, step = Spectrum(height, width), _noise(height, width)
    assert spectrum.padded != (height, width)
    spectrum.learn(step, 2 * step)
    learnt = spectrum.freeze()
    energy = float(step.double().square().sum()) * spectrum.padded[0] * spectrum.padded[1]
    # Parseval's theorem: zeros add nothing
    assert sum(learnt["products"]) == pytest.approx(2 * energy, rel=1e-5)
    assert sum(learnt["changes"]) == pytest.approx(4 * energy, rel=1e-5)
    # the same curvature everywhere: what comes back is the direction itself
    assert torch.allclose(spectrum.flatten(step), step, atol=1e-5)


def test_bands_are_thirds_of_octaves_of_periods_per_longest_side() -> None:
    spectrum = Spectrum(8, 32)
    for periods, band in [(0, 0), (1, 0), (2, 3), (4, 6), (5, 6), (6, 7), (8, 9), (16, 12)]:
        strong = torch.fft.rfft2(_wave(8, 32, periods)).abs().sum((0, 1)).flatten().argmax()
        assert int(spectrum.band.flatten()[strong]) == band, periods
    # a period of 8 px is as fine downwards as across
    assert int(spectrum.band[1, 0]) == int(spectrum.band[0, 4])


@pytest.mark.parametrize(("curvature", "counts_as"), [(-5.0, 0.3), (0.0, 0.3), (0.1, 0.3), (1.0, 0.5), (50.0, 3.0)])
def test_what_is_hard_to_believe_counts_less(curvature: float, counts_as: float) -> None:
    spectrum = Spectrum(16, 16)
    truth = torch.full((spectrum.bands,), 2.0)
    truth[-1] = curvature
    assert _taught(spectrum, truth).curvatures()[-1] == pytest.approx(counts_as, rel=1e-4)


def test_nothing_known_and_nothing_learnt_leave_a_direction_as_it_is() -> None:
    spectrum = Spectrum(6, 9)
    direction = _noise(6, 9)
    assert not spectrum.known
    assert torch.allclose(spectrum.flatten(direction), direction, atol=1e-6)
    spectrum.learn(torch.zeros(1, 3, 6, 9), torch.zeros(1, 3, 6, 9))
    assert torch.allclose(spectrum.flatten(direction), direction, atol=1e-6)


def test_later_steps_outweigh_earlier_ones() -> None:
    spectrum = Spectrum(16, 16)
    one, other = torch.linspace(1, 2, spectrum.bands), torch.linspace(2, 1, spectrum.bands)
    _taught(spectrum, one, times=5)
    assert spectrum.curvatures()[0] < spectrum.curvatures()[-1]
    _taught(spectrum, other, times=20)
    assert spectrum.curvatures()[0] == pytest.approx(2 / _median(spectrum, other), rel=0.02)
    spectrum.forget()
    assert not spectrum.known


def test_what_was_learnt_survives_json() -> None:
    one, other = Spectrum(15, 22), Spectrum(15, 22)
    one.learn(_noise(15, 22), _noise(15, 22, seed=1))
    other.thaw(json.loads(json.dumps(one.freeze())))
    direction = _noise(15, 22, seed=2)
    assert torch.equal(one.flatten(direction, 2.0), other.flatten(direction, 2.0))


def test_what_was_learnt_at_another_size_is_refused() -> None:
    one = Spectrum(64, 64)
    one.learn(_noise(64, 64), _noise(64, 64))
    with pytest.raises(ValueError, match="different size"):
        Spectrum(8, 8).thaw(one.freeze())
    with pytest.raises(ValueError, match="different size"):
        Spectrum(64, 64).thaw({"learnt": 1, "products": [], "squares": [], "changes": []})


def test_a_cost_that_is_steep_in_fine_detail_takes_fewer_evaluations() -> None:
    # curvature grows a hundredfold from the coarsest to the finest band
    reference = Spectrum(32, 32)
    steepness = torch.logspace(0, 2, reference.bands)
    centre = (0.5 + 0.1 * _noise(32, 32)).clamp(0.1, 0.9)

    def evaluations(optimizer: Lbfgs) -> int:
        for count in range(1, 200):
            slope = _steep(optimizer.x - centre, reference, steepness)
            cost = 0.5 * float(((optimizer.x - centre) * slope).sum())
            if cost < 1e-3:
                return count
            optimizer.tell(cost, slope)
        return 200

    blind = Lbfgs(torch.full_like(centre, 0.5))
    blind._spectrum.curvatures = lambda: [1.0] * reference.bands  # type: ignore[method-assign]
    assert evaluations(Lbfgs(torch.full_like(centre, 0.5))) < 0.7 * evaluations(blind)

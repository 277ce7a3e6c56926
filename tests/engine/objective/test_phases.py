"""Two phases of the pooling by turns: whose turn it is, what is looked at, and that their differences cancel."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from duostyle.engine.network.vgg import Network
from duostyle.engine.objective.features import Extractor
from duostyle.engine.objective.objective import Objective
from duostyle.engine.objective.phases import Phases, moved
from duostyle.params import STYLE_LAYERS, StyleParams
from tests.support.engine.pictures import random_picture, scene, stripes
from tests.support.engine.reference import relative_error

pytestmark = pytest.mark.weights
WIDTH, HEIGHT = 72, 64
# wider than what relu2_1 sees
FRAME_PX = 20


class Maker:
    """Makes real objectives and keeps what they were made from."""

    def __init__(self, network: Network) -> None:
        self.extractor = Extractor(network, self.check)
        self.styles = [self.extractor.style_moments(stripes(40, 40), STYLE_LAYERS)]
        self.params = StyleParams()
        self.made: list[tuple[Tensor, Sequence[Tensor]]] = []
        self.stopping = False

    def check(self) -> None:
        if getattr(self, "stopping", False):
            raise InterruptedError

    def __call__(self, content: Tensor, guides: Sequence[Tensor]) -> Objective:
        self.made.append((content, guides))
        return Objective(self.extractor, content, self.styles, self.params, guides)


def test_every_other_evaluation_is_that_of_the_moved_picture(network: Network) -> None:
    make, content, x = Maker(network), scene(WIDTH, HEIGHT), random_picture(WIDTH, HEIGHT)
    guide = random_picture(WIDTH, HEIGHT, 1)[:, :1]
    phases = Phases(make, content, [guide], least_px=HEIGHT)
    found = [phases.evaluate(x) for _ in range(4)]
    rolled = [x[..., [-1, *range(HEIGHT - 1)], :][..., [-1, *range(WIDTH - 1)]] for x in (x, content, guide)]
    assert len(make.made) == 2
    assert torch.equal(make.made[1][0], rolled[1])
    assert torch.equal(make.made[1][1][0], rolled[2])
    there = make(rolled[1], [rolled[2]]).evaluate(rolled[0])
    assert [evaluation.costs for evaluation in found] == 2 * [make(content, [guide]).evaluate(x).costs, there.costs]
    # each pixel gets the gradient of the place to which it was moved
    assert torch.equal(found[1].gradient[0, :, 5, 7], there.gradient[0, :, 6, 8])
    assert torch.equal(found[1].gradient, moved(there.gradient, -1))


def test_a_turn_that_was_stopped_comes_again(network: Network) -> None:
    make, x = Maker(network), random_picture(WIDTH, HEIGHT)
    phases = Phases(make, scene(WIDTH, HEIGHT), [], least_px=HEIGHT)
    phases.evaluate(x)
    make.stopping = True
    with pytest.raises(InterruptedError):
        phases.evaluate(x)
    make.stopping = False
    assert phases.done == 1
    assert phases.evaluate(x).costs == make(moved(scene(WIDTH, HEIGHT)), []).evaluate(moved(x)).costs


def test_changed_parameters_hold_in_both_phases(network: Network) -> None:
    make, x = Maker(network), random_picture(WIDTH, HEIGHT)
    phases = Phases(make, scene(WIDTH, HEIGHT), [], least_px=HEIGHT)
    before = [phases.evaluate(x).costs.total for _ in range(2)]
    guides = [random_picture(WIDTH, HEIGHT, 1)[:, :1]]
    make.params = StyleParams(style_weight=60.0)
    phases.tune(make.params, guides)
    anew = Phases(make, scene(WIDTH, HEIGHT), guides, least_px=HEIGHT)
    for total in before:
        costs = phases.evaluate(x).costs
        assert costs == anew.evaluate(x).costs
        assert costs.total != total


def test_in_the_sum_of_both_it_does_not_matter_whether_a_pixel_is_at_an_even_or_an_odd_place(network: Network) -> None:
    make = Maker(network)
    # down to the second layer, so that two pixels further all is as it was
    make.params = StyleParams.model_validate({"style_layer_weights": {"relu2_1": 1.0}, "content_weight": 0.0})
    x = torch.full((1, 3, HEIGHT, WIDTH), 0.5)
    x[..., FRAME_PX:-FRAME_PX, FRAME_PX:-FRAME_PX] = random_picture(WIDTH - 2 * FRAME_PX, HEIGHT - 2 * FRAME_PX)

    def gradients(x: Tensor) -> list[Tensor]:
        phases = Phases(make, x, [], least_px=HEIGHT)
        return [phases.evaluate(x).gradient for _ in range(2)]

    inside = slice(FRAME_PX // 2, -FRAME_PX // 2)
    here, there = gradients(x), [moved(gradient, -1) for gradient in gradients(moved(x))]
    here, there = ([gradient[..., inside, inside] for gradient in each] for each in (here, there))
    assert relative_error(there[0] + there[1], here[0] + here[1]) < 1e-3
    assert relative_error(there[0], here[0]) > 0.1


def test_a_small_picture_is_always_evaluated_as_it_is(network: Network) -> None:
    make, x = Maker(network), random_picture(WIDTH, HEIGHT)
    phases = Phases(make, scene(WIDTH, HEIGHT), [], least_px=HEIGHT + 1)
    assert phases.evaluate(x).costs == phases.evaluate(x).costs
    assert len(make.made) == 1

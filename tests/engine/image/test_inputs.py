"""What a painting is made from, at the size that a level needs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from duostyle.engine.image.color import palette
from duostyle.engine.image.inputs import LEAST_REST, Inputs
from duostyle.engine.network.vgg import Network
from duostyle.engine.objective.moments import moments
from duostyle.engine.preview.person import PersonFinder
from duostyle.engine.pyramid import Level
from duostyle.errors import BadRequest
from duostyle.params import StyleParams
from tests.support.engine.pictures import scene, speckles, stripes

pytestmark = pytest.mark.weights
LEVEL = Level(48, 32, 5)
FINAL = Level(96, 64, 5)
IMAGE = "sha256:" + "0" * 64


def _inputs(network: Network, masks: list[Tensor | None] | None = None, styles: int = 2) -> Inputs:
    chosen = [stripes(120, 90), speckles(60, 80), scene(50, 50)][:styles]
    return Inputs(network, scene(96, 64), [[style] for style in chosen], masks or [])


def _params(**changes: Any) -> StyleParams:
    return StyleParams(**changes)


def _left() -> Tensor:
    mask = torch.zeros(1, 1, 20, 30)
    mask[..., :15] = 1
    return mask


def test_the_content_is_fitted_to_the_level(network: Network) -> None:
    inputs = _inputs(network)
    assert inputs.content_at(LEVEL).shape == (1, 3, 32, 48)
    assert torch.equal(inputs.content_at(FINAL), inputs.content)
    assert float(inputs.content_at(LEVEL).min()) >= 0
    assert float(inputs.content_at(LEVEL).max()) <= 1


def test_styles_have_the_levels_longest_side_and_their_own_aspect(network: Network) -> None:
    (first,), (second,) = _inputs(network).styles_at(LEVEL, _params())
    assert first.shape == (1, 3, 36, 48)
    assert second.shape == (1, 3, 48, 36)


def test_a_style_is_never_blown_up(network: Network) -> None:
    (first,), (second,) = _inputs(network).styles_at(Level(1000, 500, 1), _params())
    assert first.shape == (1, 3, 90, 120)
    assert second.shape == (1, 3, 80, 60)


def test_style_scale_makes_strokes_larger_for_each_style_by_itself(network: Network) -> None:
    inputs = _inputs(network)
    plain = inputs.styles_at(LEVEL, _params())
    (first,), (second,) = inputs.styles_at(LEVEL, _params(style_scale=[2.0, 1.0]))
    assert first.shape[3] == 2 * plain[0][0].shape[3]
    assert torch.equal(second, plain[1][0])
    both = inputs.styles_at(LEVEL, _params(style_scale=2.0))
    assert [max(style.shape) for (style,) in both] == [96, 96]


@pytest.mark.parametrize(("width", "height"), [(1, 1), (4, 200), (200, 4), (7, 9)])
def test_a_tiny_or_narrow_style_still_has_features(network: Network, width: int, height: int) -> None:
    inputs = Inputs(network, scene(96, 64), [[stripes(width, height)]])
    ((style,),) = inputs.styles_at(Level(32, 32, 1), _params(style_scale=0.25))
    assert max(style.shape[-2:]) >= 32
    assert (style.shape[2] > style.shape[3]) == (height > width)


def test_the_base_has_the_colors_of_the_mix(network: Network) -> None:
    inputs = _inputs(network)
    # soft colours, so that nothing clips
    styles = [0.4 + 0.2 * style for style in (stripes(40, 40), speckles(40, 40))]
    base = inputs.base(scene(48, 32), [[style] for style in styles], _params(style_mix=[1.0, 3.0]))
    wanted = palette(styles, (0.25, 0.75))
    assert torch.allclose(moments(base).mean, wanted.mean, atol=5e-3)
    assert torch.allclose(moments(base).covariance, wanted.covariance, atol=5e-3)


def test_a_style_of_several_pictures_gives_each_the_same_part_of_its_share(network: Network) -> None:
    first, second, third = (0.4 + 0.2 * style for style in (stripes(40, 40), speckles(40, 40), scene(60, 60)))
    base = _inputs(network).base(scene(48, 32), [[first, second], [third]], _params(style_mix=[1.0, 1.0]))
    wanted = palette([first, second, third], (0.25, 0.25, 0.5))
    assert torch.allclose(moments(base).mean, wanted.mean, atol=5e-3)


def test_the_base_is_the_content_when_that_is_asked(network: Network) -> None:
    content = scene(48, 32)
    assert torch.equal(_inputs(network).base(content, [[stripes(40, 40)]], _params(init="content")), content)


def test_one_style_or_no_mode_has_no_guides(network: Network) -> None:
    assert _inputs(network).guides(LEVEL, _params()) == []
    assert _inputs(network, styles=1).guides(LEVEL, _params(masks="left-right")) == []


@pytest.mark.parametrize("mode", ["auto", "left-right", "top-bottom", "light-dark"])
@pytest.mark.parametrize("styles", [2, 3])
def test_every_mode_gives_guides_of_the_levels_size(network: Network, mode: str, styles: int) -> None:
    mix = [0.5, 0.3, 0.2][:styles]
    guides = _inputs(network, styles=styles).guides(
        LEVEL, StyleParams.model_validate({"masks": mode, "style_mix": mix})
    )
    assert len(guides) == styles
    assert torch.allclose(torch.stack(guides).sum(0), torch.ones(1, 1, 32, 48), atol=1e-4)
    for guide, share in zip(guides, mix, strict=True):
        assert float(guide.mean()) == pytest.approx(share / sum(mix), abs=0.1)


def test_modes_put_the_first_style_where_they_say(network: Network) -> None:
    inputs = _inputs(network)
    left = inputs.guides(LEVEL, _params(masks="left-right"))[0]
    assert float(left[..., :20].mean()) > 0.95
    top = inputs.guides(LEVEL, _params(masks="top-bottom"))[0]
    assert float(top[:, :, :12].mean()) > 0.95
    light = inputs.guides(LEVEL, _params(masks="light-dark"))[0]
    lightness = inputs.content_at(LEVEL).mean(1, keepdim=True)
    assert float(lightness[light > 0.9].mean()) > float(lightness[light < 0.1].mean()) + 0.1


def test_given_masks_are_used(network: Network) -> None:
    guides = _inputs(network, [_left(), None]).guides(LEVEL, _params(masks=[IMAGE, None]))
    assert float(guides[0][..., :20].min()) > 0.95
    assert float(guides[1][..., 28:].min()) > 0.95


def test_masks_that_are_all_missing_are_none(network: Network) -> None:
    assert _inputs(network, [None, None]).guides(LEVEL, _params(masks=[None, None])) == []


def test_shares_of_a_painting_sum_to_one(network: Network) -> None:
    shares = _inputs(network, styles=3).shares(scene(48, 32))
    assert len(shares) == 3
    assert sum(shares) == pytest.approx(1)


class Finder(PersonFinder):
    """Finds a person in the left third of every picture, or nobody."""

    def __init__(self, *, people: bool = True) -> None:
        self.people = people
        self.looked = 0

    def find(self, content: Tensor) -> Tensor | None:
        self.looked += 1
        return _left_third(30, 20) if self.people else None

    def outline(self, found: Tensor, content: Tensor) -> Tensor:
        return _left_third(content.shape[3], content.shape[2])


def _left_third(width: int, height: int) -> Tensor:
    return (torch.arange(width) < width / 3).float().expand(1, 1, height, width)


def _with(network: Network, finder: Finder, styles: int = 2, masks: list[Tensor | None] | None = None) -> Inputs:
    chosen = [stripes(120, 90), speckles(60, 80), scene(50, 50)][:styles]
    return Inputs(network, scene(96, 64), [[style] for style in chosen], masks or [], finder)


def test_the_first_style_is_for_the_person(network: Network) -> None:
    finder = Finder()
    inputs = _with(network, finder, styles=3)
    person, second, third = inputs.guides(LEVEL, _params(masks="person", style_mix=[5.0, 3.0, 1.0]))
    assert torch.equal(person, _left_third(48, 32))
    # the rest is shared by the mix
    assert torch.allclose(second, (1 - person) * 0.75)
    assert torch.allclose(person + second + third, torch.ones(1, 1, 32, 48))
    inputs.guides(FINAL, _params(masks="person"))
    assert finder.looked == 1
    # where the others have no share of the mix they get equal ones
    _, second, third = inputs.guides(LEVEL, _params(masks="person", style_mix=[1.0, 0.0, 0.0]))
    assert torch.equal(second, third)


@pytest.mark.parametrize(("what", "protects_left"), [("person", True), ("background", False)])
def test_people_or_the_rest_are_protected(network: Network, what: str, protects_left: bool) -> None:
    inputs, params = _with(network, Finder(), styles=1), _params(protect=what)
    protected = inputs.protection(48, 32, params)
    assert protected is not None
    assert torch.equal(protected, _left_third(48, 32) if protects_left else 1 - _left_third(48, 32))
    (rest,) = inputs.guides(LEVEL, params)
    assert torch.equal(rest, (1 - protected).clamp(min=LEAST_REST))
    assert inputs.regions(LEVEL, params) == []
    painted = inputs.protect(torch.zeros(1, 3, 32, 48), params)
    assert torch.equal(painted, inputs.content_at(LEVEL) * protected)


def test_regions_lose_what_is_protected(network: Network) -> None:
    mask = _left()
    inputs = _with(network, Finder(), masks=[mask])
    params = _params(protect=IMAGE, masks="left-right")
    whole = inputs.regions(LEVEL, params)
    for guide, region in zip(inputs.guides(LEVEL, params), whole, strict=True):
        assert float(guide[..., 2:18].max()) < 0.01
        assert torch.allclose(guide[..., 30:], region[..., 30:])


def test_the_mask_of_protect_comes_after_those_of_the_styles(network: Network) -> None:
    top = torch.zeros(1, 1, 20, 30)
    top[:, :, :10] = 1
    inputs = _with(network, Finder(), masks=[_left(), None, top])
    params = _params(masks=[IMAGE, None], protect=IMAGE)
    protected = inputs.protection(48, 32, params)
    assert protected is not None
    assert float(protected[0, 0, 4, 24]) == pytest.approx(1, abs=0.01)
    first, second = inputs.regions(LEVEL, params)
    assert float(first[0, 0, 28, 4]) > 0.99 > 0.01 > float(second[0, 0, 28, 4])
    # other masks, another protection
    inputs.masks = [_left(), None, 1 - top]
    changed = inputs.protection(48, 32, params)
    assert changed is not None
    assert float(changed[0, 0, 4, 24]) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(
    ("changes", "field"), [({"masks": "person"}, "params.masks"), ({"protect": "background"}, "params.protect")]
)
def test_a_content_without_people_is_said_so(network: Network, changes: dict[str, Any], field: str) -> None:
    inputs = _with(network, Finder(people=False))
    with pytest.raises(BadRequest) as caught:
        inputs.guides(LEVEL, _params(**changes))
    assert caught.value.field == field

"""People are found, and their outline follows the picture."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from duostyle.engine.api import Control, Request
from duostyle.engine.preview.guided import coefficients, refined, solved, window_means
from duostyle.engine.preview.person import PersonFinder
from duostyle.engine.pyramid import resize
from duostyle.engine.runtime import to_picture, to_tensor
from duostyle.engine.torch_engine import TorchEngine
from duostyle.errors import BadRequest
from duostyle.params import StyleParams
from tests.engine.preview.conftest import gallery


def test_the_network_answers_as_the_original_file(finder: PersonFinder, answers: dict[str, Tensor]) -> None:
    found = finder.look(gallery("astronaut.jpg", 256))[0, 0]
    assert float((found - answers["person"].float() / 255).abs().mean()) < 0.002


@pytest.mark.parametrize("size", [(300, 200), (97, 160)])
def test_a_mask_has_the_size_of_the_picture(finder: PersonFinder, size: tuple[int, int]) -> None:
    content = torch.nn.functional.interpolate(gallery("astronaut.jpg"), size, mode="bicubic", antialias=True)
    found = finder.find(content.clamp(0, 1))
    assert found is not None
    mask = finder.outline(found, content)
    assert mask.shape == (1, 1, *size)
    height, width = size
    assert float(mask[0, 0, height // 2, width // 2]) > 0.9
    assert float(mask[0, 0, 3, 3]) < 0.1


@pytest.mark.parametrize("name", ["rocket.jpg", "lilies.jpg"])
def test_nobody_is_found_where_nobody_is(finder: PersonFinder, name: str) -> None:
    assert finder.find(gallery(name, 200)) is None


def test_a_coarse_edge_moves_to_that_of_the_picture() -> None:
    guide = torch.zeros(1, 3, 64, 64)
    guide[..., 30:] = 0.8
    coarse = (torch.arange(64) / 8 - 3.5).clamp(0, 1).expand(1, 1, 64, 64)  # from 28 to 36, its middle at 32
    mask = refined(coarse, guide)[0, 0, 32]
    steps = mask.diff()
    assert int(steps.argmax()) == 29
    assert float(steps.max()) > 3 * float(coarse[0, 0, 32].diff().max())
    assert abs(float(mask[10])) < 0.01
    assert float(mask[55]) > 0.99


def test_a_mask_that_is_linear_in_the_colours_is_kept() -> None:
    guide = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(1))
    mask = (guide * torch.tensor((0.2, 0.5, 0.1)).view(1, 3, 1, 1)).sum(1, keepdim=True) + 0.1
    slope, offset = coefficients(guide, mask, epsilon=1e-8).split_with_sizes((3, 1), 1)
    assert torch.allclose((slope * guide).sum(1, keepdim=True) + offset, mask, atol=1e-3)


def test_the_small_systems_are_solved() -> None:
    generator = torch.Generator().manual_seed(2)
    root = torch.rand(5, 7, 3, 3, generator=generator)
    matrix = root @ root.mT + 0.1 * torch.eye(3)
    vector = torch.rand(5, 7, 3, generator=generator)
    assert torch.allclose(solved(matrix, vector), torch.linalg.solve(matrix, vector), atol=1e-3)


def test_a_window_ends_at_the_border() -> None:
    # by hand: [0, 1], [0, 1, 2], [1, 2, 3], [2, 3]
    x = torch.tensor([0.0, 1.0, 2.0, 3.0]).expand(1, 1, 4, 4)
    assert window_means(x, 1)[0, 0, 0].tolist() == [0.5, 1.0, 2.0, 2.5]


def test_a_painting_leaves_the_protected_places_as_they_are(engine: TorchEngine) -> None:
    content, style = gallery("astronaut.jpg", 96), gallery("starry.jpg", 96)
    mask = torch.zeros(1, 3, 96, 96)
    mask[..., 48:] = 1
    request = Request(
        to_picture(content),
        (to_picture(style),),
        StyleParams(size=64, iterations=2, protect="sha256:" + "0" * 64),
        (to_picture(mask),),
    )
    small = to_tensor(to_picture(resize(content, 64, 64)))
    for painted in (_painted(engine, request), to_tensor(engine.preview(request, ["starry"], lambda: None))):
        assert float((painted - small)[..., 34:].abs().mean()) < 0.01
        assert float((painted - small)[..., :30].abs().mean()) > 0.05


def test_a_person_is_painted_in_the_first_style(engine: TorchEngine) -> None:
    content = to_picture(gallery("astronaut.jpg", 128))
    styles = tuple(to_picture(gallery(name, 96)) for name in ("starry.jpg", "fauve.jpg"))
    params = StyleParams(size=96, masks="person")
    painted = to_tensor(engine.preview(Request(content, styles, params), ["a", "b"], lambda: None))
    # blue is the astronaut, warm is the wall
    suit, wall = painted[0, :, 60:90, 30:50].mean((1, 2)), painted[0, :, 5:35, 5:20].mean((1, 2))
    assert float(suit[2] - suit[0]) > 0.05 > -0.05 > float(wall[2] - wall[0])
    with pytest.raises(BadRequest) as caught:
        engine.preview(Request(to_picture(gallery("rocket.jpg", 64)), styles, params), ["a", "b"], lambda: None)
    assert caught.value.field == "params.masks"
    assert engine.has_people(content)
    assert not engine.has_people(to_picture(gallery("rocket.jpg", 64)))


def _painted(engine: TorchEngine, request: Request) -> Tensor:
    painter = engine.begin(request, Control())
    painter.run(lambda step: None)
    return to_tensor(painter.picture())

"""Where the seconds go: what is counted, by hand and on the real engine."""

from __future__ import annotations

import pytest

from bench.engine.anatomy import PRODUCT, REST, kind_of, operations_of, shares
from bench.quality.judge import Judge


@pytest.mark.parametrize(
    ("name", "shapes", "operations"),
    [
        # 2 operations, 3 x 3 taps, 4 channels to 5, 6 x 7 positions
        ("aten::_nnpack_spatial_convolution", [[1, 4, 6, 7], [5, 4, 3, 3], [5], [], []], 2 * 9 * 4 * 5 * 42),
        ("aten::mkldnn_convolution", [[1, 4, 6, 7], [5, 4, 3, 3], [5], [], [], [], []], 2 * 9 * 4 * 5 * 42),
        ("aten::mm", [[2, 3], [3, 5]], 2 * 2 * 3 * 5),
        ("aten::addmm_", [[2, 5], [2, 3], [3, 5], [], []], 2 * 2 * 3 * 5),
        ("aten::bmm", [[7, 2, 3], [7, 3, 5]], 7 * 2 * 2 * 3 * 5),
        ("aten::add_", [[2, 3], [2, 3], []], 0),
    ],
)
def test_operations_by_hand(name: str, shapes: list[list[int]], operations: int) -> None:
    assert operations_of(name, shapes) == operations


def test_kinds() -> None:
    assert [kind_of(name) for name in ("aten::bmm", "aten::relu_")] == [PRODUCT, REST]


@pytest.mark.weights
def test_all_convolutions_of_an_evaluation_are_found() -> None:
    found = shares(Judge(threads=1).engine, 64, 48, 1)
    convolutions = [share for kind, share in found.items() if kind not in (PRODUCT, REST)]
    # eleven layers down to relu5_1, up and down again; the picture's own gradient is a product of matrices
    assert sum(share.calls for share in convolutions) == 2 * 11 - 1
    assert all(share.ms > 0 for share in found.values())
    # the second layer alone: 64 to 64 channels at each pixel
    assert sum(share.operations for share in convolutions) > 2 * 2 * 9 * 64 * 64 * 64 * 48

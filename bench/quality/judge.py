"""Paints pairs of pictures and measures the results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from bench.quality import measures
from bench.quality.variants import LARGEST_PX
from duostyle.engine.api import Control, Request
from duostyle.engine.network.vgg import Network
from duostyle.engine.pyramid import fit, resize
from duostyle.engine.runtime import to_tensor
from duostyle.engine.torch_engine import TorchEngine
from duostyle.imaging.decode import decode
from duostyle.params import parse_params
from duostyle.picture import Picture


class Judge:
    """Owns one engine. Pictures are files."""

    def __init__(self, *, precision: str = "float32", memory_budget_mb: int = 0, threads: int = 0) -> None:
        self.engine = TorchEngine(precision=precision, memory_budget_mb=memory_budget_mb, threads=threads)
        self.engine.load()

    @property
    def network(self) -> Network:
        assert self.engine.network is not None
        return self.engine.network

    @contextmanager
    def bare(self) -> Iterator[None]:
        """Within it the engine paints without its rim."""
        self.engine.rim = False
        try:
            yield
        finally:
            self.engine.rim = True

    def read(self, path: Path) -> Picture:
        return decode(path.read_bytes(), max_px=2048)

    def paint(self, content: Path, style: Path, **params: Any) -> Picture:
        """One painting with these parameters."""
        checked = parse_params(params, styles=1, max_size_px=LARGEST_PX)
        painter = self.engine.begin(Request(self.read(content), (self.read(style),), checked), Control())
        painter.run(lambda step: None)
        return painter.picture()

    def measure(self, picture: Picture, content: Picture, style: Picture) -> dict[str, float]:
        """`patch`, `gram`, `random` are distances from the style, `ssim` and `edges` what is left of the content,
        `grid2` a weave at single pixels."""
        with torch.inference_mode():
            x, a, b = to_tensor(picture), to_tensor(content), to_tensor(style)
            a = resize(a, picture.width, picture.height).clamp(0, 1)
            b = resize(b, *fit(b.shape[3], b.shape[2], max(picture.width, picture.height))).clamp(0, 1)
            return {
                "patch": measures.patch_distance(x, b),
                "ssim": measures.ssim(x, a),
                "edges": measures.edges(x, a),
                "gram": measures.held_out_gram(self.network, x, b),
                "random": measures.random_gram(x, b),
                "grid2": measures.grid2(x),
            }

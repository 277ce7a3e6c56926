"""The instant picture: seconds against onnxruntime, sizes, memory, edges of masks, and the person that is found.

    python -m bench instant [--originals FOLDER] [--repeats 9]

FOLDER holds `arbitrary_transform.onnx`, as for scripts/convert_preview.py; without it, or without onnxruntime, nothing
is compared. All seconds are the best of the repeats: what the machine can do when nothing else runs.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.common.pictures import GALLERY
from duostyle.engine.environment import prepare

# the outline of the astronaut in the gallery's 512 x 512 px, with the helmet that she holds; drawn by hand
ASTRONAUT = (
    (154, 66), (156, 58), (165, 46), (180, 38), (192, 34), (200, 26), (215, 18), (232, 15), (250, 18), (270, 26),
    (285, 38), (295, 50), (300, 70), (300, 88), (298, 105), (292, 118), (283, 127), (275, 132), (268, 136), (264, 146),
    (258, 160), (256, 178), (270, 190), (285, 205), (297, 222), (303, 238), (320, 243), (332, 255), (343, 272),
    (352, 295), (360, 325), (364, 348), (372, 347), (390, 344), (408, 344), (425, 346), (445, 354), (465, 370),
    (480, 390), (490, 415), (496, 440), (500, 455), (506, 462), (511, 480), (511, 511), (42, 511), (32, 490),
    (26, 465), (22, 440), (20, 410), (20, 385), (24, 360), (28, 335), (33, 315), (40, 290), (48, 268), (60, 250),
    (75, 235), (95, 220), (112, 208), (115, 190), (120, 182), (126, 172), (138, 158), (155, 150), (172, 148),
    (183, 149), (184, 140), (183, 132), (176, 128), (172, 118), (165, 112), (158, 98), (154, 80),
)  # fmt: skip
PAIRS = (("astronaut", "starry", "fauve"), ("chelsea", "woodcut", "watercolor"), ("coffee", "mosaic", "lilies"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--originals", type=Path, metavar="FOLDER", help="where the original ONNX files are")
    parser.add_argument("--repeats", type=int, default=9, help="of each measurement")
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto")
    options = parser.parse_args()
    prepare(os.environ)
    from bench.common.machine import describe

    print(describe())
    import torch

    with torch.inference_mode():
        _figures(options)


def _figures(options: argparse.Namespace) -> None:
    import torch

    from bench.engine.peak import peak_mb
    from duostyle.engine.api import Request
    from duostyle.engine.preview.instant import Instant
    from duostyle.engine.runtime import to_picture
    from duostyle.engine.torch_engine import TorchEngine
    from duostyle.params import StyleParams

    begin = time.perf_counter()
    Instant(torch.device("cpu"))
    print(f"loading all three networks                     {1e3 * (time.perf_counter() - begin):7.0f} ms   (150)")
    engine = TorchEngine(device="cpu", precision=options.precision)
    engine.load()
    print(f"precision {engine.precision}")
    assert engine.instant is not None
    content, first, second = (to_picture(_picture(name)) for name in PAIRS[0])

    def ask(size: int, **params: Any) -> Callable[[], object]:
        request = Request(content, (first, second), StyleParams(size=size, **params))
        return lambda: engine.preview(request, ["first", "second"], lambda: None)

    if options.originals and importlib.util.find_spec("onnxruntime"):
        ours, theirs = _against_onnxruntime(engine.instant, options.originals, options.repeats)
        print(f"transform network, 384 x 384 px                {1e3 * ours:7.0f} ms")
        print(
            f"  onnxruntime on the original file             {1e3 * theirs:7.0f} ms   ratio {ours / theirs:.2f} (1.0)"
        )
    print(f"512 px, two styles                             {1e3 * _best(ask(512), options.repeats):7.0f} ms   (300)")
    regions = _best(ask(512, masks="left-right"), options.repeats)
    person = _best(ask(512, masks="person"), options.repeats)
    print(f"  side by side                                 {1e3 * regions:7.0f} ms")
    print(f"  the person in one, the rest in the other     {1e3 * person:7.0f} ms")
    before = peak_mb()
    seconds = _best(ask(2048), 3)
    print(f"2048 px                                        {seconds:7.2f} s    (5)")
    print(f"  memory beyond what 512 px took               {peak_mb() - before:7.0f} MB   (1024)")
    for names in PAIRS:
        share, most = _own_side(engine, *(to_picture(_picture(name)) for name in names))
        print(f"a hard edge, {', '.join(names):33} {share:7.2f}      (at least 0.90; the styles themselves {most:.2f})")
    print(f"astronaut against the mask drawn by hand, IoU  {_overlap(engine.instant):7.3f}      (at least 0.92)")


def _best(work: Callable[[], object], repeats: int) -> float:
    work()
    taken = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return min(taken)


def _against_onnxruntime(instant: Any, folder: Path, repeats: int) -> tuple[float, float]:
    """Best seconds of both, in turns, so that a passing load meets both."""
    import numpy as np
    import onnxruntime  # type: ignore[import-not-found, import-untyped, unused-ignore]
    import torch

    from duostyle.engine.pyramid import resize

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(folder / "arbitrary_transform.onnx"), options)
    content = resize(_picture("astronaut"), 384, 384).clamp(0, 1)
    vector = instant.predictor.vector(resize(_picture("starry"), 256, 256).clamp(0, 1))
    given = (content.permute(0, 2, 3, 1).contiguous().numpy(), vector.view(1, 1, 1, 100).numpy().astype(np.float32))
    feed = dict(zip([one.name for one in session.get_inputs()], given, strict=True))
    ours = theirs = float("inf")
    for _ in range(repeats):
        ours = min(ours, _best(lambda: instant.transformer.paint(content, vector), 1))
        theirs = min(theirs, _best(lambda: session.run(None, feed), 1))
    return ours, theirs


def _own_side(engine: Any, content: Any, first: Any, second: Any) -> tuple[float, float]:
    """The share of pixels, 12 or more from a straight edge at 512 px, whose colour is likelier in their own style.

    Likelihood under a normal distribution of each style's colours, smoothed over 9 x 9 px. Second, the same of the
    pixels of the styles themselves, half of them from each.
    """
    import torch
    from torch.nn import functional

    from duostyle.engine.api import Request
    from duostyle.engine.objective.moments import moments
    from duostyle.engine.runtime import to_tensor
    from duostyle.params import StyleParams

    painted = to_tensor(
        engine.preview(Request(content, (first, second), StyleParams(size=512, masks="left-right")), [], lambda: None)
    )

    def smooth(x: Any) -> Any:
        return functional.avg_pool2d(x, 9, 1, 4, count_include_pad=False)

    styles = [smooth(to_tensor(style)) for style in (first, second)]
    palettes = [moments(style) for style in styles]

    def likelier_first(x: Any) -> Any:
        scores = []
        for own in palettes:
            covariance = own.covariance + 1e-3 * torch.eye(3)
            offset = x.flatten(2)[0] - own.mean[:, None]
            distance = (offset * torch.linalg.solve(covariance, offset)).sum(0)
            scores.append((-0.5 * distance - 0.5 * torch.logdet(covariance)).view(x.shape[2:]))
        return scores[0] > scores[1]

    found = likelier_first(smooth(painted))
    edge = found.shape[1] // 2
    sides = torch.cat([found[:, : edge - 12], ~found[:, edge + 12 :]], 1)
    most = (likelier_first(styles[0]).float().mean() + (~likelier_first(styles[1])).float().mean()) / 2
    return float(sides.float().mean()), float(most)


def _overlap(instant: Any) -> float:
    """Intersection over union of the person that is found and the one drawn by hand."""
    import numpy as np
    import torch
    from PIL import Image, ImageDraw

    content = _picture("astronaut")
    found = instant.people.find(content)
    drawn = Image.new("L", (512, 512))
    ImageDraw.Draw(drawn).polygon(ASTRONAUT, fill=255)
    ours = instant.people.outline(found, content)[0, 0] > 0.5
    theirs = torch.tensor(np.asarray(drawn) > 127)
    return float((ours & theirs).sum() / (ours | theirs).sum())


def _picture(name: str) -> Any:
    import numpy as np
    import torch
    from PIL import Image

    with Image.open(GALLERY / f"{name}.jpg") as image:
        return torch.tensor(np.asarray(image.convert("RGB"))).permute(2, 0, 1)[None].float() / 255


if __name__ == "__main__":
    main()

"""An evaluation as one CUDA graph: below about 512 px a GPU computes faster than Python can launch its kernels.

All that `compute` asks of the GPU is recorded once and from then on sent in one piece. So it must ask for the same at
every call, must not read a number on the way (that would wait for the GPU), and cannot be stopped in the middle.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from torch import Tensor

# a picture of 512 x 512 px with its rim; larger ones keep the GPU busy by themselves
LARGEST_PX = 300_000

# picture [1, 3, h, w] -> (gradient [1, 3, h, w], costs [n])
Answer = tuple[Tensor, Tensor]
Compute = Callable[[Tensor], Answer]


class Graphed:
    """A computation, recorded at the first call and played back from then on, for pictures of one size on a GPU.

    What a graph cannot hold is computed as it is, after a warning in the log.
    """

    def __init__(self) -> None:
        self._recording: _Recording | None = None
        self._refused = False

    def __call__(self, compute: Compute, x: Tensor) -> Answer:
        """What `compute(x)` gives; the gradient is the caller's to keep, the costs hold until the next call.

        `compute` must be the same at every call. It is not kept: whoever owns both would never be freed in time, and
        with it all that the recording holds on the GPU. Raises what `compute` raises, OutOfMemoryError while recording.
        """
        if self._recording is None and not self._refused:
            try:
                self._recording = _Recording(compute, x)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                self._refused = True
                logging.getLogger(__name__).warning(
                    "no CUDA graph could be recorded; painting continues without one", extra={"reason": str(error)}
                )
        return compute(x) if self._recording is None else self._recording.play(x)


class _Recording:
    def __init__(self, compute: Compute, x: Tensor) -> None:
        self.input = x.clone()
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            # in their first call libraries choose algorithms and take working memory, which a graph could not hold
            compute(self.input)
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        # other threads may use the GPU meanwhile
        with torch.cuda.graph(self.graph, stream=stream, capture_error_mode="thread_local"):
            self.gradient, self.costs = compute(self.input)

    def play(self, x: Tensor) -> Answer:
        self.input.copy_(x)
        self.graph.replay()
        # the next replay writes to the same place
        return self.gradient.clone(), self.costs


def worth_a_graph(x: Tensor) -> bool:
    """Whether pictures like x [1, 3, h, w] are on a GPU and small enough."""
    return x.device.type == "cuda" and x.shape[2] * x.shape[3] <= LARGEST_PX

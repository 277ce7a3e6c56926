"""Settings of torch's own libraries that only count when they are there before torch is imported."""

from __future__ import annotations

from collections.abc import MutableMapping

# Two thread pools share the cores (OpenMP's and NNPACK's): one that waits in a busy loop takes the core that the other
# works on. Large pages spare most of the page faults of tensors that come and go in every evaluation.
WISHES = {"OMP_WAIT_POLICY": "PASSIVE", "THP_MEM_ALLOC_ENABLE": "1"}


def prepare(environ: MutableMapping[str, str]) -> None:
    """Put the wishes into an environment (`os.environ`), except where the user has set them; call before torch."""
    for name, value in WISHES.items():
        environ.setdefault(name, value)

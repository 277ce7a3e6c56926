"""Part g: whether the process grows with every job: many small jobs of mixed sizes in a row in one real server."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bench.common.session import gallery_ids, session
from tests.support.real_server.server_process import ServerProcess, server_process

ITERATIONS = 8
# threads, caches and the allocator have taken what they need by then
WARM_JOBS = 10


def growth_percent(resident: Sequence[float], warm: int) -> float:
    """Growth from the `warm`-th value on to the last in percent, each taken as the median of up to ten beside it.

    Single values jump with what the allocator happens to hold. Raises ValueError with fewer than `warm` + 1 values.
    """
    if len(resident) <= warm:
        raise ValueError(f"growth after {warm} jobs needs more than {warm} of them, not {len(resident)}")
    after = resident[warm - 1 :]
    count = min(10, max(1, len(after) // 2))
    first, last = sorted(after[:count])[count // 2], sorted(after[-count:])[count // 2]
    return 100 * (last - first) / first


async def paint_many(server: ServerProcess, jobs: int, sizes: Sequence[int], iterations: int) -> list[float]:
    """Resident MB after each job."""
    contents, styles = gallery_ids(server.url)
    resident = []
    async with session(server.url) as client:
        for number in range(jobs):
            pair = [styles[number % len(styles)], styles[(number + 1) % len(styles)]]
            size = sizes[number % len(sizes)]
            ticket = await client.submit(contents[number % len(contents)], pair, size=size, iterations=iterations)
            await client.until("completed", job=ticket.job)
            resident.append(server.resident_bytes() / 2**20)
            if (number + 1) % max(1, jobs // 10) == 0:
                print(f"after job {number + 1:4}: {resident[-1]:.0f} MB", flush=True)
    return resident


def grow(jobs: int, sizes: Sequence[int], iterations: int) -> None:
    """Print what `jobs` jobs in a row leave in a fresh server."""
    with server_process() as server:
        resident = asyncio.run(paint_many(server, jobs, sizes, iterations))
    print(f"growth after job {WARM_JOBS}: {growth_percent(resident, WARM_JOBS):+.1f} % over {jobs - WARM_JOBS} jobs")

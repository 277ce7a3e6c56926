"""Whether the process grows with every job (part g): many small jobs of mixed sizes in a row in one real server.

python -m bench.engine.memory [--jobs 200] [--sizes 64 96 128 160] [--iterations 8]
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

from bench.common.machine import describe
from bench.common.server import running_server
from bench.common.session import gallery_ids, session

SIZES = (64, 96, 128, 160)
ITERATIONS = 8
# threads, caches and the allocator have taken what they need by then
WARM_JOBS = 10


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MB. Raises SystemExit where the system does not tell."""
    status = Path(f"/proc/{pid}/status")
    for line in status.read_text().splitlines() if status.exists() else ():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this system does not tell the memory of a process")


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


async def paint_many(address: str, pid: int, jobs: int, sizes: Sequence[int], iterations: int) -> list[float]:
    """Resident MB after each job."""
    contents, styles = gallery_ids(address)
    resident = []
    async with session(address) as client:
        for number in range(jobs):
            pair = [styles[number % len(styles)], styles[(number + 1) % len(styles)]]
            size = sizes[number % len(sizes)]
            ticket = await client.submit(contents[number % len(contents)], pair, size=size, iterations=iterations)
            await client.until("completed", job=ticket.job)
            resident.append(resident_mb(pid))
            if (number + 1) % max(1, jobs // 10) == 0:
                print(f"after job {number + 1:4}: {resident[-1]:.0f} MB", flush=True)
    return resident


def grow(jobs: int, sizes: Sequence[int], iterations: int) -> None:
    """Print what `jobs` jobs in a row leave in a fresh server."""
    with running_server() as (address, pid):
        resident = asyncio.run(paint_many(address, pid, jobs, sizes, iterations))
    print(f"growth after job {WARM_JOBS}: {growth_percent(resident, WARM_JOBS):+.1f} % over {jobs - WARM_JOBS} jobs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=200, help="jobs in a row, more than 10 (default 200)")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="PX", help="longest sides, in turns")
    parser.add_argument("--iterations", type=int, default=ITERATIONS, help="evaluations of each job (default 8)")
    options = parser.parse_args()
    print(describe())
    grow(options.jobs, options.sizes, options.iterations)


if __name__ == "__main__":
    main()

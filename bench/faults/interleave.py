"""Random courses of submit, cancel, pause, resume, update, finish, disconnect and reconnect, many of them.

Each move runs into the ones before it. At the end of each course every job must have had exactly one terminal message,
be cancelled only by its own cancel, and be stored as it was announced; no watcher may receive anything twice. The
engine is the tests' fake one, the rest is the server's own.

    python -m bench.faults.interleave [--courses 10000] [--seed 0]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench.common.machine import describe
from tests.support.fake_engine import FakeEngine
from tests.support.harness import rig
from tests.support.random_course import Course

# A fresh server now and then; the store of one would only grow.
_COURSES_PER_RIG = 250
_LIMITS: dict[str, Any] = {"max_queue": 1000, "max_jobs_per_client": 1000, "max_fps": 60.0, "progress_per_s": 60.0}


async def play(course: Course, chance: random.Random) -> Counter[str]:
    """One course of 5 to 25 moves; how the jobs ended. Raises AssertionError when something does not hold."""
    await course.submit(chance.randint(1, 4))
    for _ in range(chance.randint(5, 25)):
        which = chance.randrange(len(course.played))
        draw = chance.random()
        if draw < 0.12 and len(course.played) < 4:
            await course.submit(chance.randint(1, 4))
        elif draw < 0.45:
            course.steer(which, chance.choice(["cancel", "pause", "resume"]))
        elif draw < 0.50:
            course.meddle(which, chance.randrange(len(course.played)), chance.choice(["cancel", "pause", "resume"]))
        elif draw < 0.58:
            course.update(which)
        elif draw < 0.72:
            course.step(chance.randint(1, 4))
        elif draw < 0.78:
            course.watch(which)
        elif draw < 0.86 and course.watchers:
            lost = chance.randrange(len(course.watchers))
            if chance.random() < 0.7:
                course.come_back(lost)
            else:
                course.lose(lost)
        else:
            await course.breathe(chance.randint(1, 20))
    await course.end()
    return Counter(played.witness.heard[-1]["type"] for played in course.played)


async def many(courses: int, seed: int, folder: Path) -> tuple[Counter[str], int, list[str]]:
    """How the jobs of all courses ended, how many moves there were, and what went wrong."""
    ended: Counter[str] = Counter()
    moves = 0
    wrong: list[str] = []
    waiting = list(range(1, courses + 1))
    while waiting and len(wrong) < 10:
        numbers, waiting = waiting[:_COURSES_PER_RIG], waiting[_COURSES_PER_RIG:]
        async with rig(folder / str(numbers[0]), FakeEngine(gated=True), **_LIMITS) as built:
            for number in numbers:
                course = Course(built)
                try:
                    ended += await play(course, random.Random(f"{seed}-{number}"))
                except (AssertionError, TimeoutError) as error:
                    wrong.append(f"course {number}: {type(error).__name__}: {error}")
                    break
                moves += course.moves
                built.engine.painters.clear()
    return ended, moves, wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--courses", type=int, default=10_000, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="the same seed plays the same moves")
    parser.add_argument("--folder", help="where the store lives meanwhile; one in memory is quicker")
    options = parser.parse_args()
    print(describe())
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        ended, moves, wrong = asyncio.run(many(options.courses, options.seed, Path(folder)))
    jobs = ", ".join(f"{count} {status}" for status, count in sorted(ended.items()))
    print(f"{options.courses} courses, {moves} moves, {ended.total()} jobs: {jobs}")
    print(f"{len(wrong)} wrong, {time.perf_counter() - start:.0f} s")
    for line in wrong:
        print(line)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

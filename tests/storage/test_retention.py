"""What goes and what stays: by hand, by age, by number, by bytes."""

from __future__ import annotations

import functools
import os
import random
from pathlib import Path
from typing import Any

import pytest

from duostyle.engine.api import Checkpoint
from duostyle.storage.store import Store
from duostyle.storage.timelapse_frames import Frame, TimelapseFrames
from tests.support.clock import Clock
from tests.support.stored_jobs import DAY_S, job, job_id, jobs_of, put


def files(folder: Path) -> list[Path]:
    """All but the database."""
    return sorted(path for path in folder.rglob("*") if path.parent != folder)


def begin_timelapse(timelapses: TimelapseFrames, *, job: str) -> None:
    timelapses.append(job, Frame(0, 1, 4, 3, 0.1, 4), b"jpeg")


async def test_forgetting_a_job_removes_what_only_it_used(store: Store) -> None:
    mine, shared, mask = await put(store, b"mine"), await put(store, b"shared"), await put(store, b"mask")
    await store.save_job(job("j1", mine, shared, params={"masks": [mask]}))
    await store.save_job(job("j2", shared))
    await store.save_result(job_id("j1"), b"png", b"png of 16 bits")
    await store.forget_job(job_id("j1"))
    assert await jobs_of(store) == ["j2"]
    assert await store.result(job_id("j1")) is None
    assert await store.deep_result(job_id("j1")) is None
    assert [await store.image(name) is None for name in (mine, shared, mask)] == [True, False, True]
    await store.forget_job(job_id("j1"))


async def test_forgetting_a_job_keeps_the_gallery_and_what_was_uploaded_again(store: Store, clock: Clock) -> None:
    gallery, again = await put(store, b"gallery"), await put(store, b"again")
    await store.keep_images([gallery])
    await store.save_job(job("j1", gallery, again, created_at=clock.now))
    clock.now += 1
    await put(store, b"again")
    await store.forget_job(job_id("j1"))
    assert await store.image(gallery) is not None
    assert await store.image(again) is not None


async def test_masks_that_a_live_change_brought_are_in_use(store: Store, clock: Clock) -> None:
    content, old, new = await put(store, b"c"), await put(store, b"old"), await put(store, b"new")
    await store.save_job(job("j1", content, params={"masks": [old]}))
    await store.save_job(job("j1", content, params={"masks": [new]}))
    clock.now += 2 * DAY_S
    assert await store.sweep(keep_days=1, max_bytes=10**9) == 1
    assert [await store.image(name) is None for name in (content, old, new)] == [False, True, False]


async def test_sweep_by_age(store: Store, clock: Clock) -> None:
    old, used, gallery = await put(store, b"old"), await put(store, b"used"), await put(store, b"gallery")
    start = clock.now
    await store.save_job(job("ended", old, status="completed", ended_at=start, has_result=True))
    await store.save_result(job_id("ended"), b"png")
    await store.save_job(job("waiting", used, status="queued", created_at=start))
    clock.now += 1.5 * DAY_S
    young = await put(store, b"young")
    assert await store.sweep(keep_days=2, max_bytes=10**9, keep_images=[gallery]) == 0
    clock.now += DAY_S
    assert await store.sweep(keep_days=2, max_bytes=10**9, keep_images=[gallery]) == 2
    assert await jobs_of(store) == ["waiting"]
    assert await store.result(job_id("ended")) is None
    present = [await store.image(name) is not None for name in (old, used, gallery, young)]
    assert present == [False, True, True, True]


async def test_uploads_that_no_job_uses_go_sooner(store: Store, clock: Clock) -> None:
    used, unused = await put(store, b"used"), await put(store, b"unused")
    await store.save_job(job("ended", used, status="completed", ended_at=clock.now))
    clock.now += 0.9 * DAY_S
    assert await store.sweep(keep_days=30, keep_uploads_days=1, max_bytes=10**9) == 0
    clock.now += 0.2 * DAY_S
    assert await store.sweep(keep_days=30, keep_uploads_days=1, max_bytes=10**9) == 1
    assert [await store.image(name) is None for name in (used, unused)] == [False, True]


async def test_sweep_by_bytes_takes_the_oldest_first_and_never_what_is_needed(store: Store, clock: Clock) -> None:
    gallery, used = await put(store, b"g" * 10), await put(store, b"u" * 10)
    await store.keep_images([gallery])
    await store.save_job(job("waiting", used))
    for name in ("a", "b", "c"):
        clock.now += 10
        await store.save_job(job(name, used, status="cancelled", ended_at=clock.now, has_result=True))
        await store.save_result(job_id(name), b"r" * 10)
    spare = await put(store, b"s" * 10)
    clock.now += DAY_S
    fresh = await put(store, b"f" * 10)
    # 70 bytes in all; `a` and `b` go, `c` and the rest stay.
    assert await store.sweep(keep_days=30, max_bytes=50) == 2
    assert await jobs_of(store) == ["waiting", "c"]
    # Nothing but what is in use, the gallery and what just came in can stay.
    assert await store.sweep(keep_days=30, max_bytes=0) == 2
    assert await jobs_of(store) == ["waiting"]
    present = [await store.image(name) is not None for name in (gallery, used, fresh, spare)]
    assert present == [True, True, True, False]


async def test_pictures_of_16_bits_count_and_go_with_their_jobs(store: Store, clock: Clock, tmp_path: Path) -> None:
    used = await put(store, b"u" * 10)
    for name in ("a", "b"):
        clock.now += 10
        await store.save_job(job(name, used, status="completed", ended_at=clock.now, has_result=True))
        await store.save_result(job_id(name), b"8" * 10, b"16" * 10)
    (tmp_path / "results" / "nobody's.16.png").write_bytes(b"x")
    # 70 bytes in all but for the stray file
    assert await store.sweep(keep_days=30, max_bytes=70) == 0
    assert {path.name for path in (tmp_path / "results").iterdir()} == {
        f"{job_id(name)}{ending}" for name in "ab" for ending in (".png", ".16.png")
    }
    assert await store.sweep(keep_days=30, max_bytes=69) == 1
    assert {path.name for path in (tmp_path / "results").iterdir()} == {job_id("b") + ".png", job_id("b") + ".16.png"}


async def test_sweep_by_number_oldest_first(store: Store, clock: Clock) -> None:
    image = await put(store, b"shared")
    # ended in another order than they came
    for name, ended_at in (("a", 30.0), ("b", 10.0), ("c", 20.0), ("d", 40.0)):
        await store.save_job(job(name, image, status="completed", ended_at=clock.now + ended_at, has_result=True))
        await store.save_result(job_id(name), name.encode())
    for name, status in (("w", "queued"), ("r", "running"), ("p", "paused")):
        await store.save_job(job(name, image, status=status))
    assert await store.sweep(keep_days=30, max_bytes=10**9, max_jobs=2) == 2
    assert await jobs_of(store) == ["a", "d", "w", "r", "p"]
    assert [await store.result(job_id(name)) for name in "abcd"] == [b"a", None, None, b"d"]
    assert await store.sweep(keep_days=30, max_bytes=10**9, max_jobs=2) == 0


async def test_what_stays_is_what_a_plain_model_of_the_limits_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # not a test of what a power cut leaves
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    for seed in range(12):
        await one_random_sweep(tmp_path / str(seed), random.Random(seed))


async def one_random_sweep(folder: Path, chance: random.Random) -> None:
    """Sweep in one go; the model below takes one thing after the other, each time looking at all that is left."""
    clock = Clock(1_000_000.0)
    store = Store(folder, clock=clock)
    await store.open()
    begin, images, jobs = clock.now, {}, {}
    for number in range(20):
        clock.now = begin + number * 600.0
        image = await put(store, b"i" * (number + 1))
        images[image] = (clock.now, number + 1)
        if chance.random() < 0.6:
            used = {image, chance.choice(list(images))}
            status = chance.choice(["completed", "failed", "queued", "paused"])
            name = f"j{number}"
            await store.save_job(job(name, *used, status=status, ended_at=clock.now, created_at=clock.now))
            size = chance.randrange(40)
            await store.save_result(job_id(name), b"r" * size)
            jobs[name] = (clock.now, status in ("completed", "failed"), used, size)
    kept = set(chance.sample(list(images), 3))
    keep_days = chance.choice([0.08, 30.0, 30.0])
    max_bytes, max_jobs = chance.randrange(50, 350), chance.choice([5, 10**9, 10**9])

    def oldest_to_go() -> tuple[dict[str, Any], str] | None:
        in_use = {image for _, _, used, _ in jobs.values() for image in used} | kept
        full = sum(size for _, size in images.values()) + sum(job[3] for job in jobs.values()) > max_bytes
        spare = sorted((at, image) for image, (at, _) in images.items() if image not in in_use)
        ended = sorted((at, name) for name, (at, over, _, _) in jobs.items() if over)
        too_old = clock.now - keep_days * DAY_S
        if spare and spare[0][0] <= too_old:
            return images, spare[0][1]
        if full and spare and spare[0][0] <= clock.now - 3600.0 and (not ended or spare[0][0] <= ended[0][0]):
            return images, spare[0][1]
        if ended and (full or ended[0][0] < too_old or len(ended) > max_jobs):
            return jobs, ended[0][1]
        return None

    swept = await store.sweep(keep_days=keep_days, max_bytes=max_bytes, max_jobs=max_jobs, keep_images=kept)
    removed = 0
    while found := oldest_to_go():
        del found[0][found[1]]
        removed += 1
    assert swept == removed
    assert await jobs_of(store) == list(jobs)
    assert {path.name for path in (folder / "images").iterdir()} == {image.removeprefix("sha256:") for image in images}
    await store.close()


@pytest.mark.parametrize("limits", [{"keep_days": 0.001}, {"max_jobs": 1}, {"max_bytes": 0}])
async def test_an_unfinished_job_keeps_all_its_files(
    store: Store, clock: Clock, tmp_path: Path, limits: dict[str, float]
) -> None:
    names = []
    for status in ("queued", "running", "paused"):
        names += [await put(store, status.encode()), await put(store, b"mask of " + status.encode())]
        await store.save_job(job(status, names[-2], status=status, params={"masks": [names[-1]]}))
        await store.checkpoints.save(job_id(status), Checkpoint({"step": 1}, {}))
        await store.with_timelapses(functools.partial(begin_timelapse, job=job_id(status)))
    await store.save_job(job("ended", names[0], status="completed", ended_at=clock.now))
    clock.now += 100 * DAY_S
    before = files(tmp_path)
    await store.sweep(**{"keep_days": 1000, "max_bytes": 10**9, "max_jobs": 1000} | limits)  # type: ignore[arg-type]
    assert files(tmp_path) == before


async def test_a_sweep_removes_files_that_nothing_knows(store: Store, tmp_path: Path) -> None:
    image = await put(store, b"known")
    await store.save_job(job("j1", image, status="completed", ended_at=1_000_000.0, has_result=True))
    await store.save_result(job_id("j1"), b"png")
    for path in (tmp_path / "images" / ("f" * 64), tmp_path / "results" / "nobody.png"):
        path.write_bytes(b"left when the disk was read-only")
    assert await store.sweep(keep_days=30, max_bytes=10**9) == 0
    assert [path.name for path in (tmp_path / "images").iterdir()] == [image.removeprefix("sha256:")]
    assert [path.name for path in (tmp_path / "results").iterdir()] == [job_id("j1") + ".png"]


async def test_nothing_of_a_forgotten_job_can_be_read_from_the_disk(store: Store, tmp_path: Path) -> None:
    image = await put(store, b"a picture of mine")
    row = job("jobtoforget", image, client="client-to-forget", params={"seed": 77_001_122})
    await store.save_job(row)
    await store.save_job(job("other", image, status="running"))
    await store.save_result(job_id("jobtoforget"), b"the painting")
    await store.checkpoints.save(job_id("jobtoforget"), Checkpoint({"step": 1}, {}))
    words = (job_id("jobtoforget").encode(), b"client-to-forget", b"77001122", b"the painting")

    def found() -> set[bytes]:
        data = b"".join(path.name.encode() + path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        return {word for word in words if word in data}

    assert found() == set(words)
    await store.forget_job(job_id("jobtoforget"))
    # what removes the checkpoint is not waited for, but comes before this
    await store.checkpoints.save(job_id("other"), Checkpoint({"step": 1}, {}))
    assert found() == set()
    assert await store.image_bytes(image) == b"a picture of mine", "another job uses it"

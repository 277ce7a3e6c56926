"""The store keeps what it says, forgets what it should, and survives a crash at any point."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from duostyle.errors import BadRequest, StorageUnavailable
from duostyle.job import stored_types
from duostyle.picture import StoredImage
from duostyle.storage.store import Store
from tests.support.clock import Clock
from tests.support.stored_jobs import MASK, checked, job, job_id, jobs_of, put


@pytest.fixture
def clock() -> Clock:
    return Clock(1_000_000.0)


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    store = Store(tmp_path / "data", clock=clock)
    await store.open()
    yield store
    await store.close()


async def test_the_same_bytes_are_stored_once(store: Store, tmp_path: Path) -> None:
    first = await store.put_image(b"abc", checked(b"abc"))
    again = await store.put_image(b"abc", checked(b"abc"))
    row = StoredImage(checked(b"abc").id, 4, 3, "png", 3)
    assert (first, again) == ((row, True), (row, False))
    assert await store.image(row.id) == row
    assert await store.image_bytes(row.id) == b"abc"
    assert len(list((tmp_path / "data" / "images").iterdir())) == 1


@pytest.mark.parametrize("left", [None, b"", b"ab"])
async def test_a_file_that_was_lost_is_written_again(store: Store, tmp_path: Path, left: bytes | None) -> None:
    row, _ = await store.put_image(b"abc", checked(b"abc"))
    (file,) = (tmp_path / "data" / "images").iterdir()
    file.unlink()
    if left is not None:
        file.write_bytes(left)
    assert await store.put_image(b"abc", checked(b"abc")) == (row, False)
    assert await store.image_bytes(row.id) == b"abc"


async def test_an_upload_goes_when_the_last_who_uploaded_it_gives_it_up(store: Store, tmp_path: Path) -> None:
    for key in (b"one", b"other"):
        row, _ = await store.put_image(b"abc", checked(b"abc"), key_hash=key)
    assert not await store.give_up_image(row.id, b"wrong")
    assert await store.give_up_image(row.id, b"one")
    assert not await store.give_up_image(row.id, b"one")
    assert await store.image_bytes(row.id) == b"abc"
    assert await store.give_up_image(row.id, b"other")
    assert await store.image(row.id) is None
    assert list((tmp_path / "data" / "images").iterdir()) == []


async def test_an_upload_that_is_needed_stays_though_it_was_given_up(store: Store) -> None:
    names = ["stored", "active", "gallery"]
    rows = [(await store.put_image(name.encode(), checked(name.encode()), key_hash=b"key"))[0] for name in names]
    stored, active, gallery = [row.id for row in rows]
    await store.save_job(job("j1", stored))
    await store.keep_images([gallery])
    for image in (stored, active, gallery):
        assert await store.give_up_image(image, b"key", in_use=[active])
        assert await store.image(image) is not None
    # what was given up goes with the job
    await store.forget_job(job_id("j1"))
    assert await store.image(stored) is None


async def test_no_more_than_a_hundred_keys_are_kept_of_a_picture(store: Store) -> None:
    for number in range(102):
        row, _ = await store.put_image(b"abc", checked(b"abc"), key_hash=bytes([number]))
    assert [await store.give_up_image(row.id, bytes([number])) for number in (0, 1, 2, 101)] == [
        False,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("name", ["sha256:" + "0" * 64, "", "../duostyle.sqlite", "sha256:../../x", "\ud800", "a\0b"])
async def test_unknown_and_hostile_names_are_not_there(store: Store, name: str) -> None:
    assert await store.image(name) is None
    assert await store.image_bytes(name) is None
    assert await store.job(name) is None
    assert await store.result(name) is None


async def test_no_result_is_written_outside_the_folder(store: Store) -> None:
    with pytest.raises(ValueError, match="job id"):
        await store.save_result("../evil", b"png")


async def test_a_job_comes_back_with_every_field(store: Store) -> None:
    row = job(
        "j1",
        "sha256:c",
        "sha256:a",
        "sha256:b",
        params={"size": 64, "masks": [None, MASK]},
        status="completed",
        started_at=5.0,
        ended_at=6.5,
        width=64,
        height=48,
        step=7,
        total_steps=9,
        elapsed_s=1.5,
        seq=12,
        frame_seq=11,
        costs={"total": 1.0, "style": [0.5, 0.5]},
        error={"code": "internal"},
        has_result=True,
        partial=True,
        report={"share": None},
        starts=2,
        steering={"changes": []},
    )
    default = job("j1", "sha256:c", "sha256:a")
    ours = {"id", "key_hash", "client", "content", "created_at"}
    unchanged = {name for name in stored_types() if getattr(row, name) == getattr(default, name)}
    assert unchanged == ours, "a stored field that this test does not try"
    await store.save_job(default)
    await store.save_job(row)
    assert await store.jobs() == [row]
    assert await store.job(job_id("j1")) == row


async def test_jobs_keep_their_order_when_saved_again_or_when_the_clock_goes_back(store: Store) -> None:
    for name, created_at in (("first", 30.0), ("second", 20.0), ("third", 10.0)):
        await store.save_job(job(name, "c", created_at=created_at))
    await store.save_job(job("first", "c", status="running"))
    assert await jobs_of(store) == ["first", "second", "third"]


async def test_a_result_replaces_the_earlier_one(store: Store) -> None:
    assert await store.result(job_id("j1")) is None
    await store.save_result(job_id("j1"), b"one")
    await store.save_result(job_id("j1"), b"two")
    assert await store.result(job_id("j1")) == b"two"


async def test_a_result_may_have_16_bits_as_well(store: Store) -> None:
    await store.save_result(job_id("j1"), b"8")
    assert await store.deep_result(job_id("j1")) is None
    await store.save_result(job_id("j1"), b"8", b"16")
    assert (await store.result(job_id("j1")), await store.deep_result(job_id("j1"))) == (b"8", b"16")
    assert await store.deep_result("../evil") is None


async def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path)
    await store.open()
    image = await put(store, b"abc")
    await store.save_job(job("j1", image, has_result=True))
    await store.save_result(job_id("j1"), b"png")
    await store.close()
    again = Store(tmp_path)
    await again.open()
    assert await jobs_of(again) == ["j1"]
    assert (await again.image_bytes(image), await again.result(job_id("j1"))) == (b"abc", b"png")
    await again.close()


async def test_what_a_crash_left_is_mended(tmp_path: Path) -> None:
    store = Store(tmp_path)
    await store.open()
    lost, kept = await put(store, b"lost"), await put(store, b"kept")
    await store.save_job(job("gone", kept, has_result=True))
    await store.save_job(job("there", kept, has_result=True))
    await store.save_result(job_id("there"), b"png")
    await store.close()
    hexes = lost.removeprefix("sha256:")
    (tmp_path / "images" / hexes).unlink()
    (tmp_path / "images" / ("f" * 64)).write_bytes(b"no row")
    (tmp_path / "images" / ".writing-1234").write_bytes(b"half")
    (tmp_path / "results" / ".writing-1234").write_bytes(b"half")
    (tmp_path / "results" / "nobody.png").write_bytes(b"no job")
    store = Store(tmp_path)
    await store.open()
    assert await store.image(lost) is None
    assert await store.image(kept) is not None
    assert [row.has_result for row in await store.jobs()] == [False, True]
    assert [file.name for file in (tmp_path / "results").iterdir()] == [job_id("there") + ".png"]
    assert [file.name for file in (tmp_path / "images").iterdir()] == [kept.removeprefix("sha256:")]
    await store.close()


async def test_a_failed_write_leaves_the_earlier_file(store: Store, tmp_path: Path) -> None:
    await store.save_result(job_id("j1"), b"one")

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    patch = pytest.MonkeyPatch()
    patch.setattr(os, "fsync", full_disk)
    with pytest.raises(StorageUnavailable):
        await store.save_result(job_id("j1"), b"two")
    patch.undo()
    assert await store.result(job_id("j1")) == b"one"
    assert [file.name for file in (tmp_path / "data" / "results").iterdir()] == [job_id("j1") + ".png"]


async def test_only_the_owner_may_read(store: Store, tmp_path: Path) -> None:
    image = await put(store, b"abc")
    folder = tmp_path / "data"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "images" / image.removeprefix("sha256:")).stat().st_mode) == 0o600


async def test_a_second_server_on_the_same_folder_is_refused(store: Store, tmp_path: Path) -> None:
    second = Store(tmp_path / "data")
    with pytest.raises(BadRequest, match="another server"):
        await second.open()
    await second.close()


async def test_using_a_store_that_is_not_open_is_an_error(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(RuntimeError, match="not open"):
        await store.jobs()
    await store.close()

from __future__ import annotations

import pytest
from pydantic import ValidationError

from duostyle.errors import Forbidden, InternalError
from duostyle.job import (
    JOB_ID,
    Job,
    JobStatus,
    hash_key,
    new_id,
    new_key,
    state_types,
    stored_types,
)
from duostyle.params import StyleParams

ENDS = {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED}
ALLOWED = {
    "queued": {"running", "paused", "failed", "cancelled"},
    "running": {"queued", "paused", "completed", "failed", "cancelled"},
    "paused": {"queued", "running", "completed", "failed", "cancelled"},
}


def job(key: str = "secret") -> Job:
    return Job("j", hash_key(key), "client", "c", ("s",), StyleParams(), created_at=1.0)


@pytest.mark.parametrize("old", JobStatus)
@pytest.mark.parametrize("new", JobStatus)
def test_every_change_of_status(old: JobStatus, new: JobStatus) -> None:
    allowed = new.value in ALLOWED.get(old.value, set())
    one = job()
    one.status = old
    if allowed:
        one.move(new)
        assert one.status is new
    else:
        with pytest.raises(InternalError):
            one.move(new)
        assert one.status is old


def test_ends_are_final() -> None:
    assert {status for status in JobStatus if status.ended} == ENDS


def test_ids_and_keys_are_long_and_never_the_same() -> None:
    ids = {new_id() for _ in range(200)} | {new_key() for _ in range(200)}
    assert len(ids) == 400
    assert JOB_ID.fullmatch(new_id())
    assert len(new_key()) >= 32


@pytest.mark.parametrize("wrong", ["", "Secret", "secret ", "\ud800", "é"])
def test_only_the_key_opens(wrong: str) -> None:
    job().check_key("secret")
    with pytest.raises(Forbidden, match="the job key is wrong" if wrong else "a job key is required"):
        job().check_key(wrong)


def test_the_key_itself_is_not_kept() -> None:
    assert "secret" not in repr(job())


def test_state_has_the_fields_of_the_contract() -> None:
    state = job().state(position=2, eta_s=3.5)
    assert set(state) == {
        "job",
        "status",
        "position",
        "eta_s",
        "params",
        "step",
        "total_steps",
        "level",
        "levels",
        "width",
        "height",
        "costs",
        "elapsed_s",
        "seq",
        "frame_seq",
        "created_at",
        "started_at",
        "ended_at",
        "error",
        "content",
        "styles",
        "partial",
        "report",
        "resumed_from_step",
        "steering",
    }
    assert (state["status"], state["position"], state["eta_s"]) == ("queued", 2, 3.5)
    assert list(state) == list(state_types())


def test_only_what_was_measured_is_reported() -> None:
    one = job()
    assert one.measured is None
    one.report = {"share": [0.123456, float("nan")], "evaluations": 9, "elapsed_s": 2.0, "costs": None}
    assert one.measured == {"share": [0.1235, None], "evaluations": 9}
    one.report["share"] = None
    assert one.state(position=None, eta_s=None)["report"] == {"share": None, "evaluations": 9}


def test_what_was_stored_is_the_job_again() -> None:
    one = job()
    one.seq, one.has_result, one.frame_seq, one.params = 9, True, 8, StyleParams(size=300)
    stored = one.stored()
    assert list(stored) == list(stored_types())
    assert stored["params"] == {"size": 300}, "defaults may change with a version, what was chosen does not"
    assert Job.from_stored(stored) == one
    with pytest.raises(ValidationError):
        Job.from_stored(stored | {"params": {"brush": 5}})


def test_a_job_that_begins_anew_has_nothing_of_its_run() -> None:
    one = job()
    one.step = one.level = one.width = one.height = 7
    one.elapsed_s, one.eta_s, one.costs, one.started_at, one.steering = 1.5, 2.0, {"total": 1.0}, 3.0, {"changes": []}
    one.seq, one.starts, one.total_steps = 40, 2, 9
    one.begin_anew()
    fresh = job()
    fresh.seq, fresh.starts, fresh.total_steps = 40, 2, 9
    assert one == fresh


def test_seq_rises() -> None:
    one = job()
    assert [one.next_seq(), one.next_seq(), one.seq] == [1, 2, 2]

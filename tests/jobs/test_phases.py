"""The table of phases: what it allows agrees with the contract, and with what a job is told apart by its parts."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from duostyle.errors import InternalError
from duostyle.job import Job, JobStatus, hash_key
from duostyle.jobs.queue import NEXT_PHASE, STATUS_IN, ActiveJob, Event, Phase
from duostyle.params import StyleParams


def job(status: JobStatus = JobStatus.QUEUED) -> Job:
    return Job("j" * 22, hash_key("k"), "client", "c", ("s",), StyleParams(), created_at=1.0, status=status)


@pytest.mark.parametrize(("phase", "event"), list(itertools.product(Phase, Event)))
def test_what_the_table_does_not_have_changes_nothing(phase: Phase, event: Event) -> None:
    active = ActiveJob(job())
    active.phase = phase
    active.job.status = status = STATUS_IN.get(phase, JobStatus.RUNNING)
    if (phase, event) in NEXT_PHASE:
        active.apply(event)
        assert active.phase is NEXT_PHASE[phase, event]
        assert active.job.status is STATUS_IN.get(active.phase, status), "an end is told when it is stored"
    else:
        with pytest.raises(InternalError, match=f"'{event}'"):
            active.apply(event)
        assert (active.phase, active.job.status) == (phase, status)


@pytest.mark.parametrize(("phase", "event"), list(NEXT_PHASE))
def test_the_contract_allows_each_change_of_status(phase: Phase, event: Event) -> None:
    before, after = STATUS_IN.get(phase), STATUS_IN.get(NEXT_PHASE[phase, event])
    if before is not None and after is not None and before is not after:
        job(before).move(after)


def test_from_every_phase_there_is_a_way_to_the_end_and_none_back() -> None:
    assert not [phase for phase, _ in NEXT_PHASE if phase is Phase.FINISHING]
    assert {event for (_, event), then in NEXT_PHASE.items() if then is Phase.FINISHING} == {Event.END}
    ends = {Phase.FINISHING}
    while more := {phase for (phase, _), then in NEXT_PHASE.items() if then in ends} - ends:
        ends |= more
    assert ends == set(Phase)


@pytest.mark.parametrize(("status", "phase"), [(JobStatus.QUEUED, Phase.WAITING), (JobStatus.PAUSED, Phase.SUSPENDED)])
def test_a_recovered_job_is_where_its_status_says(status: JobStatus, phase: Phase) -> None:
    assert ActiveJob(job(status)).phase is phase


class Parts(RuleBasedStateMachine):
    """Tells a job's phase from four facts that know nothing of each other; each event changes the facts it must."""

    def __init__(self) -> None:
        super().__init__()
        self.active = ActiveJob(job())
        self.with_runner = self.paused = self.cancelled = self.ending = False

    @property
    def legal(self) -> set[Event]:
        if self.ending:
            return set()
        if self.cancelled:
            return {Event.END}
        legal = {Event.CANCEL, Event.RESUME if self.paused else Event.PAUSE}
        if self.with_runner:
            legal |= {Event.LET_GO, Event.END}
        elif not self.paused:
            legal.add(Event.TAKE)
        return legal

    @rule(event=st.sampled_from(Event))
    def move(self, event: Event) -> None:
        if event not in self.legal:
            with pytest.raises(InternalError):
                self.active.apply(event)
            return
        self.active.apply(event)
        self.paused = event is Event.PAUSE or (self.paused and event is not Event.RESUME)
        self.cancelled = self.cancelled or event is Event.CANCEL
        self.ending = event is Event.END
        self.with_runner = event is Event.TAKE or (self.with_runner and event is not Event.LET_GO)

    @invariant()
    def phase_and_facts_agree(self) -> None:
        decided = self.cancelled or self.ending
        assert self.active.alive is not decided
        assert self.active.with_runner is (self.with_runner and not decided)
        if not decided:
            phases = {
                (False, False): Phase.WAITING,
                (True, False): Phase.PAINTING,
                (True, True): Phase.PAUSING,
                (False, True): Phase.SUSPENDED,
            }
            assert self.active.phase is phases[self.with_runner, self.paused]
            status = JobStatus.PAUSED if self.paused else JobStatus.RUNNING if self.with_runner else JobStatus.QUEUED
            assert self.active.job.status is status


Parts.TestCase.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
TestParts = Parts.TestCase

"""What a job on the engine tells: its own record, its watchers, the metrics and the estimate."""

from __future__ import annotations

from duostyle.engine.api import Plan
from duostyle.executor.task import Glimpse
from duostyle.job import JobStatus
from duostyle.jobs.estimate import Estimate
from duostyle.jobs.queue import Entry, Line
from duostyle.jobs.timelapse import Timelapses
from duostyle.live.hub import Hub
from duostyle.metrics import Metrics
from duostyle.picture import Picture
from duostyle.protocol.outgoing import Progress, Started, round_costs, significant


class Teller:
    """Called on the loop, in the order in which things happened on the engine thread."""

    def __init__(self, *, hub: Hub, metrics: Metrics, line: Line, estimate: Estimate, timelapses: Timelapses) -> None:
        self._hub, self._metrics, self._line = hub, metrics, line
        self._estimate, self._timelapses = estimate, timelapses

    def begin(self, entry: Entry, plan: Plan) -> None:
        """The engine has looked at the request."""
        job = entry.job
        job.width, job.height, job.levels, job.total_steps = plan.width, plan.height, plan.levels, plan.total_steps
        job.step, job.resumed_from_step = plan.step, plan.step or None
        if not plan.step:
            # what was known of it was in a checkpoint that could not be used
            job.costs, job.elapsed_s, job.steering = None, 0.0, None
        if job.status is JobStatus.RUNNING and entry.verdict is None:
            self.started(entry)

    def started(self, entry: Entry) -> None:
        """Tell watchers that it is painted from now on."""
        job = entry.job
        self._hub.drop_outdated(job.id)
        started = Started(
            job=job.id,
            total_steps=job.total_steps,
            levels=job.levels,
            width=job.width,
            height=job.height,
            resumed_from_step=job.resumed_from_step,
        )
        self._hub.tell(job.id, started.text())

    def step(self, entry: Entry, glimpse: Glimpse) -> None:
        """One evaluation or several are done."""
        job, step = entry.job, glimpse.step
        job.step, job.total_steps, job.level, job.levels = step.step, step.total_steps, step.level, step.levels
        job.width, job.height = step.width, step.height
        job.steering = glimpse.steering
        job.costs = round_costs(step.costs.as_dict())
        job.elapsed_s, job.eta_s = round(step.elapsed_s, 3), significant(step.eta_s, 3)
        job.next_seq()
        self._metrics.evaluations.inc(glimpse.evaluations)
        self._metrics.evaluation_s.observe(step.step_s)
        seconds = step.elapsed_s + step.eta_s
        self._estimate.preview(job.params, megapixels=entry.megapixels, steps=step.total_steps, seconds=seconds)
        if entry.verdict is not None:
            return
        if glimpse.picture is not None:
            self.show(entry, glimpse.picture, glimpse.picture_step)
            self._timelapses.offer(job.id, glimpse)
        if job.status is JobStatus.RUNNING and self._hub.watched(job.id):
            self._hub.progress(job.id, Progress(job=job.id, seq=job.seq, **step.numbers()).text())
        self._line.tell_now_and_then()

    def show(self, entry: Entry, picture: Picture, step: int) -> None:
        """The newest picture, as it was after so many steps; the same one again is no news."""
        job = entry.job
        if self._hub.topic(job.id).picture == picture:
            self._hub.unchanged(job.id)
        else:
            # a paused job's picture comes after its last step: a seq of its own
            job.frame_seq = job.seq if job.seq > job.frame_seq else job.next_seq()
            self._hub.picture(job.id, picture, seq=job.frame_seq, step=step)
        entry.pictured.set()

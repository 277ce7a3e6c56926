"""A job and the statuses it may pass through. Pure: no clock, no store, no engine.

queued -> running -> completed
   |  ^      |  ^
   v  |      v  |        queued, running and paused may also become failed or cancelled;
  paused <-> running     the three ends are final.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from duostyle.errors import Forbidden, InternalError
from duostyle.params import StyleParams

JOB_ID = re.compile(r"[A-Za-z0-9_-]{22}")


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in _ENDS


_ENDS = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})
_NEXT: dict[JobStatus, frozenset[JobStatus]] = {
    # queued -> completed is impossible: nothing completes unpainted
    JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.PAUSED, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.RUNNING: frozenset({JobStatus.QUEUED, JobStatus.PAUSED}) | _ENDS,
    # a paused job may complete: the pause came while its last step was being computed
    JobStatus.PAUSED: frozenset({JobStatus.QUEUED, JobStatus.RUNNING}) | _ENDS,
    JobStatus.COMPLETED: frozenset(),
    JobStatus.FAILED: frozenset(),
    JobStatus.CANCELLED: frozenset(),
}


def may_become(old: JobStatus, new: JobStatus) -> bool:
    """True when the contract allows this change of status."""
    return new in _NEXT[old]


def new_id() -> str:
    """An unguessable job id: 128 bits as 22 URL-safe characters."""
    return secrets.token_urlsafe(16)


def new_key() -> str:
    """An unguessable job key: 192 bits as 32 URL-safe characters."""
    return secrets.token_urlsafe(24)


def hash_key(key: str) -> bytes:
    """What is kept of a key: its SHA-256."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


@dataclass(slots=True)
class Job:
    """One job's small state; pictures live elsewhere.

    `created_at`, `started_at`, `ended_at` in unix seconds; `width`, `height` in px of the current level; `seq` counts
    the job's events and never falls; `frame_seq` is that of its newest frame (0: none). `pixels` is the content's size
    as uploaded. `starts` counts the runs on the engine that have neither come back nor got further, also those of
    earlier processes. `resumed_from_step`: the evaluations done when this run went on from a checkpoint.
    `steering`: what `duostyle.recipe` needs to paint a steered job again.
    """

    id: str
    key_hash: bytes
    client: str
    content: str
    styles: tuple[str, ...]
    params: StyleParams
    created_at: float
    pixels: tuple[int, int] = (1, 1)
    status: JobStatus = JobStatus.QUEUED
    started_at: float | None = None
    ended_at: float | None = None
    width: int = 0
    height: int = 0
    step: int = 0
    total_steps: int = 0
    level: int = 0
    levels: int = 0
    elapsed_s: float = 0.0
    eta_s: float | None = None
    seq: int = 0
    frame_seq: int = 0
    costs: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    has_result: bool = False
    partial: bool = False
    report: dict[str, Any] | None = field(default=None, repr=False)
    starts: int = 0
    resumed_from_step: int | None = None
    steering: dict[str, Any] | None = field(default=None, repr=False)

    def move(self, status: JobStatus) -> None:
        """Change the status. Raises InternalError when the contract does not allow it."""
        if not may_become(self.status, status):
            raise InternalError(f"a {self.status} job cannot become {status}")
        self.status = status

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def check_key(self, key: str) -> None:
        """Raises Forbidden unless `key` is this job's; takes the same time for every wrong key."""
        if not hmac.compare_digest(self.key_hash, hash_key(key)):
            raise Forbidden("this job has another key", field="key")

    @property
    def measured(self) -> dict[str, Any] | None:
        """What clients learn of the report: `share` (of each style, null where not measured) and `evaluations`."""
        if self.report is None:
            return None
        share = self.report.get("share")
        finite = None if share is None else [round(part, 4) if math.isfinite(part) else None for part in share]
        return {"share": finite, "evaluations": self.report.get("evaluations")}

    def state(self, *, position: int | None, eta_s: float | None) -> dict[str, Any]:
        """The fields of the `state` message, without `type`."""
        return {
            "job": self.id,
            "status": self.status.value,
            "position": position,
            "eta_s": eta_s,
            "params": self.params.model_dump(mode="json"),
            "step": self.step,
            "total_steps": self.total_steps,
            "level": self.level,
            "levels": self.levels,
            "width": self.width,
            "height": self.height,
            "costs": self.costs,
            "elapsed_s": self.elapsed_s,
            "seq": self.seq,
            "frame_seq": self.frame_seq,
            "created_at": self.created_at,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "error": self.error,
            "content": self.content,
            "styles": list(self.styles),
            "partial": self.partial,
            "report": self.measured,
            "resumed_from_step": self.resumed_from_step,
            "steering": self.steering,
        }

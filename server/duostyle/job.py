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
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, get_type_hints

from pydantic import TypeAdapter

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
}


def new_id() -> str:
    """An unguessable job id: 128 bits as 22 URL-safe characters."""
    return secrets.token_urlsafe(16)


def new_key() -> str:
    """An unguessable job key: 192 bits as 32 URL-safe characters."""
    return secrets.token_urlsafe(24)


def hash_key(key: str) -> bytes:
    """The SHA-256 of a key, which is all that is stored of it."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


# Every field of Job is stored and part of `state` unless its metadata says otherwise.
_NOT_STORED = {"stored": False}
_NOT_IN_STATE = {"in_state": False}
# Belongs to the run on the engine and is lost with it, unless there is a checkpoint.
_OF_THE_RUN = {"of_the_run": True}


@dataclass(slots=True)
class Job:
    """One job's small state; pictures live elsewhere. Its fields stand here only: the table of jobs, the `state`
    message and the contract are derived from them.

    A new stored field needs, besides whoever fills it, an upgrade step in `storage.database`.

    `created_at`, `started_at`, `ended_at` in unix seconds; `width`, `height` in px of the current level; `seq` counts
    the job's events and never falls; `frame_seq` is that of its newest frame (0: none). `pixels` is the content's size
    as uploaded. `starts` counts the runs on the engine that neither ended nor made progress, including those of
    earlier processes. `resumed_from_step`: the evaluations done when this run went on from a checkpoint.
    `steering`: what `duostyle.recipe` needs to paint a steered job again.
    """

    # in the state its name is `job`
    id: str = field(metadata=_NOT_IN_STATE)
    key_hash: bytes = field(metadata=_NOT_IN_STATE)
    client: str = field(metadata=_NOT_IN_STATE)
    content: str
    styles: tuple[str, ...]
    params: StyleParams
    created_at: float
    pixels: tuple[int, int] = field(default=(1, 1), metadata=_NOT_STORED | _NOT_IN_STATE)
    status: JobStatus = JobStatus.QUEUED
    started_at: float | None = field(default=None, metadata=_OF_THE_RUN)
    ended_at: float | None = None
    width: int = field(default=0, metadata=_OF_THE_RUN)
    height: int = field(default=0, metadata=_OF_THE_RUN)
    step: int = field(default=0, metadata=_OF_THE_RUN)
    total_steps: int = 0
    level: int = field(default=0, metadata=_NOT_STORED | _OF_THE_RUN)
    levels: int = field(default=0, metadata=_NOT_STORED)
    elapsed_s: float = field(default=0.0, metadata=_OF_THE_RUN)
    eta_s: float | None = field(default=None, metadata=_NOT_STORED | _OF_THE_RUN)
    seq: int = 0
    frame_seq: int = field(default=0, metadata=_NOT_STORED)
    costs: dict[str, Any] | None = field(default=None, metadata=_OF_THE_RUN)
    error: dict[str, Any] | None = None
    has_result: bool = field(default=False, metadata=_NOT_IN_STATE)
    partial: bool = False
    report: dict[str, Any] | None = field(default=None, repr=False)
    starts: int = field(default=0, metadata=_NOT_IN_STATE)
    resumed_from_step: int | None = field(default=None, metadata=_NOT_STORED)
    steering: dict[str, Any] | None = field(default=None, repr=False, metadata=_OF_THE_RUN)

    @classmethod
    def from_stored(cls, values: Mapping[str, Any]) -> Job:
        """The job of which `values` is the `stored`. Raises pydantic's ValidationError when another version stored it,
        whose parameters were others."""
        job = _ADAPTER.validate_python(values)
        # the final frame's seq comes right before the end's
        job.frame_seq = job.seq - 1 if job.has_result else 0
        return job

    def stored(self) -> dict[str, Any]:
        """The values of all stored fields, by name, as plain Python values; of `params` only what was chosen."""
        values: dict[str, Any] = _ADAPTER.dump_python(self, include=set(_STORED), exclude_unset=True)
        return values

    def begin_anew(self) -> None:
        """Reset what the run on the engine had produced."""
        for each in fields(self):
            if each.metadata.get("of_the_run"):
                setattr(self, each.name, each.default)

    def move(self, status: JobStatus) -> None:
        """Change the status. Raises InternalError when the contract does not allow it."""
        if status not in _NEXT.get(self.status, ()):
            raise InternalError(f"a {self.status} job cannot become {status}")
        self.status = status

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def check_key(self, key: str) -> None:
        """Raises Forbidden unless `key` is this job's; takes the same time for every wrong key."""
        if not hmac.compare_digest(self.key_hash, hash_key(key)):
            raise Forbidden("the job key is wrong" if key else "a job key is required", field="key")

    @property
    def measured(self) -> dict[str, Any] | None:
        """What clients learn of the report: `share` (of each style, null where not measured) and `evaluations`."""
        if self.report is None:
            return None
        share = self.report.get("share")
        finite = None if share is None else [round(part, 4) if math.isfinite(part) else None for part in share]
        return {"share": finite, "evaluations": self.report.get("evaluations")}

    def state(self, *, position: int | None, eta_s: float | None) -> dict[str, Any]:
        """The fields of the `state` message, without `type`: those of `state_types`."""
        fields = {"job": self.id, "position": position, **{name: getattr(self, name) for name in _IN_STATE}}
        return fields | {
            "status": self.status.value,
            "eta_s": eta_s,
            "params": self.params.model_dump(mode="json"),
            "styles": list(self.styles),
            "report": self.measured,
        }


def stored_types() -> dict[str, Any]:
    """The stored fields of a job by name, each with its type."""
    return _types("stored")


def state_types() -> dict[str, Any]:
    """The fields of the `state` message by name, each with its type."""
    return {"job": str, "position": int | None, **_types("in_state")}


def _types(purpose: str) -> dict[str, Any]:
    types = get_type_hints(Job)
    return {each.name: types[each.name] for each in fields(Job) if each.metadata.get(purpose, True)}


_ADAPTER = TypeAdapter(Job)
_STORED, _IN_STATE = stored_types(), _types("in_state")

"""Jobs for the store, and a clock that is set by hand."""

from __future__ import annotations

import hashlib
from typing import Any

from duostyle.job import Job, JobStatus
from duostyle.params import StyleParams
from duostyle.picture import StoredImage
from duostyle.storage.store import Store

DAY_S = 86_400.0
MASK = "sha256:" + "a" * 64


def checked(data: bytes) -> StoredImage:
    # The store does not look into pictures: any bytes will do.
    return StoredImage("sha256:" + hashlib.sha256(data).hexdigest(), 4, 3, "png", len(data))


def job_id(name: str) -> str:
    """A name as a job's id."""
    return name.ljust(22, "-")


def job(
    name: str, content: str, *styles: str, status: str = "queued", params: dict[str, Any] | None = None, **fields: Any
) -> Job:
    given: dict[str, Any] = {"client": "127.0.0.1", "created_at": 1_000_000.0} | fields
    return Job(
        id=job_id(name),
        key_hash=b"\x00\xff",
        content=content,
        styles=styles,
        params=StyleParams(**{"size": 64} | (params or {})),
        status=JobStatus(status),
        **given,
    )


async def jobs_of(store: Store) -> list[str]:
    """Their names, in the order of the store."""
    return [job.id.rstrip("-") for job in await store.jobs()]


async def put(store: Store, data: bytes) -> str:
    row, _ = await store.put_image(data, checked(data))
    return row.id

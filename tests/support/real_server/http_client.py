"""The HTTP requests of tests and benchmarks to a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from tests.support.fake_engine import image_bytes


class Client:
    """HTTP. Each answer is checked against the contract."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def upload(self, data: bytes | None = None) -> str:
        response = await self.http.post("/api/images", content=image_bytes() if data is None else data)
        assert response.status_code in (200, 201), response.text
        return str(response.json()["id"])

    async def submit(self, content: str = "", styles: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        """Queue a job of these images, or of one that it uploads; the answer."""
        content = content or await self.upload()
        order = {"content": content, "styles": list(styles) or [content], "params": params}
        response = await self.http.post("/api/jobs", json=order)
        assert response.status_code == 202, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def state(self, job: str) -> dict[str, Any]:
        response = await self.http.get(f"/api/jobs/{job}")
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer


async def metric(http: httpx.AsyncClient, name: str) -> float:
    """The value of one line of `/metrics`, with its labels; 0 where there is none yet."""
    return value_of((await http.get("/metrics")).text, name)


def value_of(metrics: str, name: str) -> float:
    """The same of the text of `/metrics`."""
    return next((float(line.rpartition(" ")[2]) for line in metrics.splitlines() if line.startswith(name + " ")), 0.0)

"""Requests that schemathesis makes up of /openapi.json, one by one and in chains along its links: no answer of 500, and
none that the document does not have. `python -m bench conformance` goes on for longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.conformance import run, small_gallery
from tests.support.real_server.server_process import ServerProcess

pytestmark = pytest.mark.real_server


@pytest.mark.timeout(300)
def test_every_answer_is_as_promised(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, {"steps": 3}, small_gallery(tmp_path / "gallery")) as server:
        server.until_ready()
        found = run(server.url, tmp_path, examples=10, chains=100, limit_s=280)
    assert found.status == 0, found.output
    assert "Traceback" not in server.log.read_text("utf-8")
    # it got as far as jobs, and went on from there; tests/integration/http/test_links.py follows every link
    assert found.answers["POST", "/api/images", 201], found.answers
    assert found.answers["POST", "/api/jobs", 202], found.answers
    assert {operation for operation, _, _ in found.followed} >= {
        "GET /api/gallery",
        "POST /api/images",
        "POST /api/jobs",
    }

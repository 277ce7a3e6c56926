"""Requests that schemathesis makes up of /openapi.json, one by one and in chains along its links: no answer of 500, and
none that the document does not have. `python -m bench conformance` goes on for longer."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.support.conformance import run, small_gallery
from tests.support.real_server.server_process import ServerProcess

pytestmark = pytest.mark.real_server


@pytest.mark.timeout(300)
def test_every_answer_is_as_promised(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, {"steps": 3}, small_gallery(tmp_path / "gallery")) as server:
        server.until_ready()
        found = run(server.url, tmp_path, examples=20, chains=80, limit_s=280)
        document = httpx.get(f"{server.url}/openapi.json").json()
    assert found.status == 0, found.output
    assert "Traceback" not in server.log.read_text("utf-8")
    # it went all the way, and saw more than half of all links lead on; which frames there are when it looks is a matter
    # of chance
    for answer in (
        ("POST", "/api/images", 201),
        ("POST", "/api/jobs", 202),
        ("GET", "/api/jobs/{job}", 200),
        ("GET", "/api/jobs/{job}/result.{format}", 200),
        ("POST", "/api/jobs/{job}/cancel", 200),
        ("DELETE", "/api/jobs/{job}", 204),
    ):
        assert found.answers[answer], found.answers
    promised = {
        (f"{method.upper()} {path}", status, link)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        for status, answer in operation["responses"].items()
        for link in answer.get("links", ())
    }
    assert found.followed.keys() <= promised
    assert len(found.followed) > len(promised) / 2, promised - found.followed.keys()

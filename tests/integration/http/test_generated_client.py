"""A client that openapi-python-client makes of /openapi.json uploads, submits, waits and reads the painting."""

from __future__ import annotations

import importlib
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from duostyle.imaging.decode import image_id
from tests.support.fake_engine import FakeEngine, image_bytes
from tests.support.real_server.running import Running

pytestmark = pytest.mark.real_server

# the generator knows one type of bytes; docs/client.md says so
OVERRIDES = dict.fromkeys(["image/*", "image/jpeg", "image/png", "image/webp", "video/mp4"], "application/octet-stream")


class Package:
    """The generated package `name`, whose modules are imported as they are asked for."""

    def __init__(self, name: str) -> None:
        self.name = name

    def module(self, path: str) -> Any:
        return importlib.import_module(f"{self.name}.{path}")

    def ask(self, operation: str, *arguments: Any, client: Any, **more: Any) -> Any:
        """The detailed answer of an operation: status_code, content, parsed."""
        return self.module(f"api.default.{operation}").sync_detailed(*arguments, client=client, **more)

    def file(self, data: bytes, **names: str) -> Any:
        return self.module("types").File(payload=io.BytesIO(data), **names)


def generate(folder: Path, document: dict[str, Any], name: str, config: dict[str, Any], *options: str) -> Package:
    for file, content in (("openapi.json", document), ("config.json", {"post_hooks": [], **config})):
        (folder / file).write_text(json.dumps(content))
    command = ["generate", "--path", "openapi.json", "--config", "config.json", "--meta", "none"]
    done = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", *command, "--output-path", name, *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Package(name)


@pytest.fixture
def forget_generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in [name for name in sys.modules if name.startswith("generated_")]:
        del sys.modules[name]


def until_completed(package: Package, client: Any, job: str, engine: FakeEngine) -> Any:
    """The job's state once it has completed; every look lets the engine make a step."""
    for _ in range(100):
        state = package.ask("state", job, client=client).parsed
        if state.status.value == "completed":
            return state
        engine.release(1)
    raise AssertionError("the job did not complete")


@pytest.mark.usefixtures("forget_generated")
def test_from_upload_to_result(start: Callable[..., Running], tmp_path: Path) -> None:
    engine = FakeEngine(gated=True, steps=3)
    running = start(engine)
    document = httpx.get(f"{running.url}/openapi.json").json()
    package = generate(
        tmp_path, document, "generated_whole", {"content_type_overrides": OVERRIDES}, "--fail-on-warning"
    )
    models = package.module("models")
    with package.module("client").Client(base_url=running.url) as client:
        content, style = image_bytes((9, 8, 7)), image_bytes((1, 2, 3))
        body = models.UploadFilesBody(file=package.file(content, file_name="c.png", mime_type="image/png"))
        uploaded = package.ask("upload", client=client, body=body)
        assert (uploaded.status_code, uploaded.parsed.id, uploaded.parsed.width) == (201, image_id(content), 16)
        # the bytes alone, without a form
        again = package.ask("upload", client=client, body=package.file(style))
        assert (again.status_code, again.parsed.id) == (201, image_id(style))
        refused = package.ask("upload", client=client, body=package.file(b"no picture"))
        assert (refused.status_code, refused.parsed.error.code.value) == (415, "unsupported_format")

        order = models.Order(content=uploaded.parsed.id, styles=[again.parsed.id], params=models.Params(iterations=3))
        accepted = package.ask("submit", client=client, body=order)
        assert accepted.status_code == 202
        job, key = accepted.parsed.job, accepted.parsed.key
        early = package.ask("result", job, models.ResultFormat.PNG, client=client)
        assert (early.status_code, early.parsed.error.code.value) == (409, "not_finished")
        state = until_completed(package, client, job, engine)
        assert state.step == state.total_steps
        result = package.ask("result", job, models.ResultFormat.PNG, client=client)
        with Image.open(result.parsed.payload) as painting:
            assert (painting.format, painting.size) == ("PNG", (state.width, state.height))

        # a whole job as one form; its files have a type and no name
        form = models.SubmitFilesBody(
            content=package.file(content, mime_type="image/png"),
            style=[package.file(data, mime_type="image/png") for data in (style, content)],
            params='{"iterations":3}',
        )
        second = package.ask("submit", client=client, body=form)
        assert second.status_code == 202
        cancelled = package.ask("cancel", second.parsed.job, client=client, x_duostyle_key=second.parsed.key)
        assert (cancelled.status_code, cancelled.parsed.cancelled) == (200, True)
        assert package.ask("forget", job, client=client, x_duostyle_key="wrong").status_code == 403
        assert package.ask("forget", job, client=client, x_duostyle_key=key).status_code == 204
        assert package.ask("state", job, client=client).parsed.error.code.value == "not_found"


@pytest.mark.usefixtures("forget_generated")
def test_without_any_configuration(start: Callable[..., Running], tmp_path: Path) -> None:
    engine = FakeEngine(gated=True, steps=1)
    running = start(engine)
    package = generate(tmp_path, httpx.get(f"{running.url}/openapi.json").json(), "generated_plain", {})
    models = package.module("models")
    with package.module("client").Client(base_url=running.url) as client:
        image = package.ask("upload", client=client, body=package.file(image_bytes())).parsed.id
        order = models.Order(content=image, styles=[image])
        job = package.ask("submit", client=client, body=order).parsed.job
        until_completed(package, client, job, engine)
        result = package.ask("result", job, models.ResultFormat.JPG, client=client)
        # not parsed, but there
        with Image.open(io.BytesIO(result.content)) as painting:
            assert painting.format == "JPEG"

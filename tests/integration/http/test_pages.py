"""The page, the gallery, health, and the manners of every answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from starlette.routing import Route

from duostyle.errors import WeightsError
from duostyle.params import StyleParams
from duostyle.settings import Settings
from duostyle.web.app import create_app
from duostyle.web.routes import images, jobs, operations, timelapse
from tests.support.fake_engine import FakeEngine
from tests.support.real_server.http_client import Client
from tests.support.real_server.running import Running
from tests.support.real_server.socket_client import socket

pytestmark = pytest.mark.real_server


async def test_the_page_and_its_modules_have_their_types_and_tags(http: Client) -> None:
    page = await http.http.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    script = await http.http.get("/static/js/main.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["x-content-type-options"] == "nosniff"
    same = await http.http.get("/static/js/main.js", headers={"If-None-Match": script.headers["etag"]})
    assert same.status_code == 304


@pytest.mark.parametrize("path", ["/static/../pyproject.toml", "/static/%2e%2e/pyproject.toml", "/static//etc/passwd"])
async def test_static_files_end_at_their_folder(http: Client, path: str) -> None:
    response = await http.http.get(httpx.URL(str(http.http.base_url)).copy_with(raw_path=path.encode()))
    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


async def test_the_gallery_can_be_painted_at_once_whatever_the_limits_of_uploads(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, port=0, max_upload_bytes=1024, max_pixels=4096)
    engine = FakeEngine()
    running = Running(settings, engine, create_app(settings, engine=engine))
    try:
        async with httpx.AsyncClient(base_url=running.url) as http:
            gallery = (await http.get("/api/gallery")).json()
            assert set(gallery) == {"content", "style"}
            for entry in gallery["content"] + gallery["style"]:
                assert {"file", "title", "author", "licence", "source", "id", "width", "height"} <= entry.keys()
                image = await http.get(f"/api/images/{entry['id']}", params={"size": 64})
                assert image.status_code == 200
            job = {"content": gallery["content"][0]["id"], "styles": [gallery["style"][0]["id"]]}
            assert (await http.post("/api/jobs", json=job)).status_code == 202
    finally:
        running.stop()


async def test_limits_describe_settings_and_parameters(http: Client) -> None:
    limits = (await http.http.get("/api/limits")).json()
    assert limits["max_upload_bytes"] == Settings().max_upload_bytes
    assert [row["name"] for row in limits["params"]] == list(StyleParams.model_fields)
    assert "token" not in limits
    assert "data_dir" not in limits


async def test_health_while_loading_and_after(start: Callable[..., Running]) -> None:
    engine = FakeEngine()
    engine.loading = threading.Event()
    running = start(engine)
    async with httpx.AsyncClient(base_url=running.url) as raw:
        assert (await raw.get("/livez")).status_code == 200
        loading = await raw.get("/readyz")
        assert (loading.status_code, loading.json()["error"]["code"]) == (503, "weights_unavailable")
        engine.loading.set()
        await running.inside(running.app_state.engine_thread.until_loaded())
        ready = await raw.get("/readyz")
        assert ready.status_code == 200
        assert ready.json() == {"status": "ready", "device": "fake"}


async def test_health_when_the_model_cannot_be_loaded(start: Callable[..., Running]) -> None:
    engine = FakeEngine()
    engine.load_error = WeightsError("the weights are damaged")
    running = start(engine)
    async with httpx.AsyncClient(base_url=running.url) as raw:
        with pytest.raises(WeightsError):
            await running.inside(running.app_state.engine_thread.until_loaded())
        answer = await raw.get("/readyz")
        assert answer.status_code == 503
        assert "damaged" in answer.text
        assert (await raw.get("/livez")).status_code == 200


async def test_metrics_count_what_happened(start: Callable[..., Running]) -> None:
    async with httpx.AsyncClient(base_url=start().url) as raw:
        await Client(raw).submit()
        text = (await raw.get("/metrics")).text
    assert "duostyle_jobs_submitted_total 1.0" in text
    assert 'duostyle_http_requests_total{method="POST",status="202"} 1.0' in text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nope", 404, "not_found"),
        ("GET", "/api/", 404, "not_found"),
        ("GET", "/livez/", 404, "not_found"),
        ("GET", "/api/jobs/nobody", 404, "not_found"),
        ("GET", "/api/jobs/nobody/result.png", 404, "not_found"),
        ("GET", "/api/jobs/nobody/result.exe", 404, "not_found"),
        ("GET", "/api/jobs/nobody/frame.jpg", 404, "not_found"),
        ("GET", "/api/images/nothing", 404, "not_found"),
        ("GET", "/ws", 404, "not_found"),
        ("PUT", "/api/images", 405, "method_not_allowed"),
        ("GET", "/api/images", 405, "method_not_allowed"),
        ("PATCH", "/api/jobs/x", 405, "method_not_allowed"),
        ("DELETE", "/static/index.html", 405, "method_not_allowed"),
        ("POST", "/", 405, "method_not_allowed"),
        ("BREW", "/api/limits", 405, "method_not_allowed"),
        ("POST", "/api/preview", 422, "bad_request"),
        ("GET", "/api/jobs/x/timelapse.mp4", 404, "not_found"),
    ],
)
async def test_errors_are_json(http: Client, method: str, path: str, status: int, code: str) -> None:
    response = await http.http.request(method, path)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert response.headers["content-type"] == "application/json"


async def test_a_wrong_method_says_which_are_right(http: Client) -> None:
    response = await http.http.put("/api/images")
    assert response.headers["allow"] == "POST"
    # One path, two routes: what either takes is allowed.
    response = await http.http.put("/api/jobs/x")
    assert {"GET", "HEAD", "DELETE"} <= {method.strip() for method in response.headers["allow"].split(",")}


async def test_head_works_where_get_does(http: Client) -> None:
    for path in ("/", "/livez", "/readyz", "/metrics", "/api/limits", "/api/gallery", "/static/js/main.js"):
        head = await http.http.head(path)
        assert (head.status_code, head.content) == (200, b""), path


def test_every_route_of_the_contract_is_there() -> None:
    served = {
        (route.path, method)
        for module in (images, jobs, operations, timelapse)
        for route in module.routes()
        for method in route.methods or ()
    }
    assert all(isinstance(route, Route) for route in create_app(Settings(), engine=FakeEngine()).routes[:1])
    wanted = {
        ("/api/images", "POST"),
        ("/api/images/{image}", "GET"),
        ("/api/gallery", "GET"),
        ("/api/jobs", "POST"),
        ("/api/jobs/{job}", "GET"),
        ("/api/jobs/{job}", "DELETE"),
        ("/api/jobs/{job}/cancel", "POST"),
        ("/api/jobs/{job}/result.{format}", "GET"),
        ("/api/jobs/{job}/frame.jpg", "GET"),
        ("/api/jobs/{job}/timelapse.{format}", "GET"),
        ("/api/preview", "POST"),
        ("/api/limits", "GET"),
        ("/livez", "GET"),
        ("/readyz", "GET"),
        ("/metrics", "GET"),
    }
    assert wanted <= served


async def test_the_metrics_name_no_job_and_no_picture(running: Running, http: Client) -> None:
    accepted = await http.submit()
    image = await http.upload()
    await http.http.get("/api/jobs/" + "y" * 22)
    async with socket(running.url) as talker:
        await talker.watch(accepted["job"])
        await talker.send("made-up-type")
        await talker.send("ping")
        await talker.until("pong")
    text = (await http.http.get("/metrics")).text
    for told in (accepted["job"], accepted["key"], image, "y" * 22, "made-up-type", "127.0.0.1"):
        assert told not in text
    assert 'duostyle_messages_received_total{type="unknown"}' in text

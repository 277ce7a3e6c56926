"""How the page's files are served: joined, compressed, cached for ever under addresses that say what is in them."""

from __future__ import annotations

import gzip
import logging
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from duostyle.web.static_files import Files, folder

REFERENCE = re.compile(r'\b(?:src|href)="(static/[^"]+)"')


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return shutil.copytree(folder(), tmp_path / "static")


@pytest.fixture
async def http(directory: Path) -> AsyncIterator[httpx.AsyncClient]:
    files = Files(directory)
    app = Starlette(routes=[Route("/", files.page), Route("/status", files.status), Mount("/static", files)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://host") as client:
        yield client


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("/", {"favicon.svg", "css/index.css", "js/lib/theme.js", "js/boot.js", "js/main.js"}),
        ("/status", {"favicon.svg", "css/status.css", "js/lib/theme.js", "js/boot.js", "js/status.js"}),
    ],
)
async def test_a_page_needs_five_files_which_are_kept_for_ever(
    http: httpx.AsyncClient, page: str, names: set[str]
) -> None:
    html = (await http.get(page)).text
    references = REFERENCE.findall(html)
    assert len(references) == len(set(references))
    found = {re.fullmatch(r"static/([0-9a-f]{16})/(.+)", reference) for reference in references}
    assert {match[2] for match in found if match} == names
    assert len({match[1] for match in found if match}) == 1
    for reference in references:
        answer = await http.get(f"/{reference}")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-encoding"] == "gzip"
        kind = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
        assert answer.headers["content-type"] == kind[reference.rpartition(".")[2]]
        # all that it imports is among the references
        assert set(re.findall(r'^import .* from "\./(.+)";$', answer.text, re.MULTILINE)) <= {"lib/theme.js"}


async def test_the_sheets_of_a_page_come_in_their_order(http: httpx.AsyncClient, directory: Path) -> None:
    html = (await http.get("/")).text
    sheet = (await http.get("/" + next(name for name in REFERENCE.findall(html) if name.endswith(".css")))).text
    written = re.findall(r"static/(css/\w+\.css)", (directory / "index.html").read_text("utf-8"))
    assert len(written) > 3
    assert sheet.startswith("".join((directory / name).read_text("utf-8") for name in written))


async def test_a_page_is_asked_for_again_and_not_sent_again(http: httpx.AsyncClient) -> None:
    first = await http.get("/")
    assert (first.headers["cache-control"], first.headers["content-type"]) == ("no-cache", "text/html; charset=utf-8")
    again = await http.get("/", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (await http.get("/status", headers={"If-None-Match": first.headers["etag"]})).status_code == 200


async def test_who_takes_no_gzip_gets_none(http: httpx.AsyncClient) -> None:
    script = "/" + next(name for name in REFERENCE.findall((await http.get("/")).text) if name.endswith("main.js"))
    plain = await http.get(script, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    async with http.stream("GET", script) as answer:
        packed = b"".join([part async for part in answer.aiter_raw()])
    assert gzip.decompress(packed) == plain.content
    assert len(packed) < 70_000
    assert "Accept-Encoding" in plain.headers["vary"]


async def test_an_edited_file_shows_at_the_next_reload_and_its_address_is_another(
    http: httpx.AsyncClient, directory: Path
) -> None:
    before = REFERENCE.findall((await http.get("/")).text)
    texts = directory / "js" / "lib" / "texts.js"
    texts.write_text(texts.read_text("utf-8").replace('"Launch again"', '"Paint once more"'), "utf-8")
    after = REFERENCE.findall((await http.get("/")).text)
    assert not set(before) & set(after)
    script = next(name for name in after if name.endswith("main.js"))
    assert '"Paint once more"' in (await http.get(f"/{script}")).text
    # an address never means anything else: the page that has this one is told that it is out of date
    assert (await http.get(f"/{before[0]}")).status_code == 404
    page = directory / "index.html"
    page.write_text(page.read_text("utf-8").replace("<h1", '<h1 data-edited="yes"'), "utf-8")
    assert 'data-edited="yes"' in (await http.get("/")).text


async def test_the_same_files_have_the_same_addresses_in_another_process(tmp_path: Path) -> None:
    pages = []
    for name in ("one", "two"):
        files = Files(shutil.copytree(folder(), tmp_path / name))
        app = Starlette(routes=[Route("/", files.page)])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://host") as client:
            pages.append((await client.get("/")).text)
    assert pages[0] == pages[1]


async def test_what_cannot_be_joined_is_served_as_it_is_and_logged(
    http: httpx.AsyncClient, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (directory / "js" / "lib" / "address.js").write_text("export default 1;\n", "utf-8")
    with caplog.at_level(logging.WARNING):
        html = (await http.get("/")).text
    assert html == (directory / "index.html").read_text("utf-8")
    (record,) = caplog.records
    assert "js/lib/address.js cannot be joined" in vars(record)["reason"]
    script = await http.get("/static/js/main.js")
    assert script.headers["cache-control"] == "no-cache"
    assert script.text == (directory / "js" / "main.js").read_text("utf-8")


@pytest.mark.parametrize("path", ["/static/", "/static/0123456789abcdef", "/static/0123456789abcdef/js/main.js"])
async def test_what_is_no_file_is_not_found(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code == 404


async def test_the_source_maps_lead_to_the_files_as_they_were_written(http: httpx.AsyncClient, directory: Path) -> None:
    references = [name for name in REFERENCE.findall((await http.get("/")).text) if name.endswith((".js", ".css"))]
    assert len(references) == 4
    for reference in references:
        text = (await http.get(f"/{reference}")).text
        found = re.search(r"sourceMappingURL=(\S+)", text.splitlines()[-1])
        assert found
        address = httpx.URL(f"http://host/{reference}").join(found[1])
        answer = await http.get(address)
        assert answer.headers["content-type"] == "application/json"
        for source in answer.json()["sources"]:
            written = await http.get(address.join(source))
            assert written.status_code == 200
            assert written.text == (directory / address.join(source).path.removeprefix("/static/")).read_text("utf-8")

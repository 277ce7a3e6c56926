"""`duostyle submit` on a real server: pictures, progress, Ctrl-C, errors in one line."""

from __future__ import annotations

import json
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from duostyle.cli import main as cli
from duostyle.cli.remote import Cancellation
from duostyle.client import Client, Frame, Ticket, Unreachable
from duostyle.errors import ShuttingDown
from duostyle.imaging import decode as images
from duostyle.imaging.decode import sniff
from duostyle.picture import Picture
from tests.support.fake_engine import FakeEngine, image_bytes, picture_of
from tests.support.real_server.running import Running

pytestmark = pytest.mark.real_server
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with content.png, style.png, mask.png and text.txt."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    for name, color in (("content", (200, 40, 10)), ("style", (0, 200, 0)), ("mask", (255, 255, 255))):
        (here / f"{name}.png").write_bytes(image_bytes(color))
    (here / "text.txt").write_text("not a picture\n")
    return here


def submit(running: Running, *more: str) -> int:
    return cli.main(["submit", "content.png", "--style", "style.png", "--server", running.url, *more])


@pytest.mark.parametrize(
    ("name", "kind"), [("out.png", "png"), ("out.jpg", "jpeg"), ("out.webp", "webp"), ("o.tiff", "tiff")]
)
def test_submit_paints_into_the_file(running: Running, folder: Path, capsys: Capture, name: str, kind: str) -> None:
    assert submit(running, "-o", name, "--iterations", "9", "--progress", "none") == 0
    data = (folder / name).read_bytes()
    assert sniff(data) == kind
    shown = images.decode(data)
    assert (shown.width, shown.height) == (8, 6)
    assert abs(shown.rgb[0] - 9) <= 2
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["out.png", "out.webp", "out.tiff", "out.jpg"])
def test_submit_keeps_what_is_transparent(
    start: Callable[..., Running], folder: Path, capsys: Capture, name: str
) -> None:
    seen = bytes([255] * 4 + [0] * 4) * 6
    engine = FakeEngine(steps=1)
    engine.paint = lambda step, width, height: Picture(width, height, bytes((9, 9, 9)) * (width * height), alpha=seen)
    running = start(engine)
    Image.new("RGBA", (16, 12), (200, 40, 10, 128)).save(folder / "content.png")
    assert submit(running, "-o", name, "--transparency", "keep", "--progress", "none") == 0
    content = engine.painters[0].request.content
    assert content.alpha == bytes([128]) * (16 * 12)
    told = capsys.readouterr().err
    shown = images.decode_with_alpha((folder / name).read_bytes())
    if name == "out.jpg":
        assert told == f"{folder / name}: JPEG has no transparency; transparent parts are laid on white\n"
        assert min(shown.rgb[21:24]) > 200
    else:
        assert told == ""
        assert shown.alpha == seen


def test_submit_reports_as_paint_does(running: Running, folder: Path, capsys: Capture) -> None:
    masks = ["--style", "content.png", "--masks", "mask.png,-", "--style-mix", "1,3"]
    assert submit(running, "-o", "out.png", "--iterations", "9", "--progress", "json", *masks) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["type"] for line in lines[:-1]} <= {"progress"}
    end = lines[-1]
    assert (end["type"], end["partial"], end["evaluations"], end["share"]) == ("completed", False, 9, [0.25, 0.75])
    assert (end["width"], end["height"], end["output"]) == (8, 6, str(folder / "out.png"))
    state = Client(running.url).state(end["job"])
    assert state["params"]["style_mix"] == [1, 3]
    assert state["params"]["masks"] == [images.image_id((folder / "mask.png").read_bytes()), None]
    assert submit(running, "-o", "out.png", "--iterations", "9") == 0
    assert f"saved {folder / 'out.png'}: 8x6, 9 evaluations" in capsys.readouterr().err


@pytest.mark.parametrize(("side", "wanted"), [(100, 100), (200, 128)], ids=["its own", "the server's most"])
def test_a_native_size_is_the_contents_within_the_servers_limits(
    start: Callable[..., Running], folder: Path, capsys: Capture, side: int, wanted: int
) -> None:
    running = start(max_size_px=128)
    (folder / "content.png").write_bytes(image_bytes(size=(50, side)))
    assert submit(running, "-o", "out.png", "--size", "native", "--progress", "json") == 0
    end = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert Client(running.url).state(end["job"])["params"]["size"] == wanted


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["-o", "out.bmp"], "extension"),
        (["-o", "out.png", "--style", "nowhere.png"], "nowhere.png"),
        (["-o", "out.png", "--style", "text.txt"], "text.txt"),
        (["-o", "out.png", "--size", "10"], "allowed: whole number from 64"),
        (["-o", "out.png", "--size", "4096"], "size must be at most 3072"),
        (["-o", "out.png", "--server", "ftp://x"], "is not a server address"),
        (["-o", "content.png"], "one of the input files"),
        (["-o", "out.png", *["--style", "style.png"] * 4], "too many styles"),
        (["-o", "out.png", "--style", "."], "a server takes single pictures as styles, one to four"),
    ],
)
def test_what_cannot_be_painted_is_one_line(
    running: Running, folder: Path, capsys: Capture, argv: list[str], says: str
) -> None:
    before = sorted(folder.iterdir())
    assert submit(running, *argv) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("duostyle: ")
    assert shown.err.count("\n") == 1
    assert says in shown.err
    assert sorted(folder.iterdir()) == before


def test_no_server_is_one_line(folder: Path, capsys: Capture) -> None:
    here = ["submit", "content.png", "--style", "style.png", "-o", "out.png", "--server", "http://127.0.0.1:1"]
    assert cli.main(here) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("duostyle: no answer from http://127.0.0.1:1")
    assert shown.count("\n") == 1


def test_a_mask_that_is_no_file_tells_of_the_modes(
    start: Callable[..., Running], folder: Path, capsys: Capture
) -> None:
    assert submit(start(), "-o", "out.png", "--masks", "halfs") == 2
    shown = capsys.readouterr().err
    assert shown.startswith("duostyle: masks: cannot read halfs: ")
    assert "the modes are auto" in shown


def test_a_job_that_fails_is_one_line_and_no_file(
    start: Callable[..., Running], folder: Path, capsys: Capture, caplog: pytest.LogCaptureFixture
) -> None:
    engine = FakeEngine(steps=5)
    engine.fail_at = 3
    assert submit(start(engine), "-o", "out.png", "--progress", "none") == 1
    assert capsys.readouterr().err == "duostyle: the engine failed; the server's log has the details\n"
    assert not (folder / "out.png").exists()


@pytest.fixture
def tickets(monkeypatch: pytest.MonkeyPatch) -> queue.SimpleQueue[Ticket]:
    """The ticket of each job that the command submits, as it gets it."""
    taken: queue.SimpleQueue[Ticket] = queue.SimpleQueue()
    accept = Cancellation.accept

    def accepting(cancellation: Cancellation, ticket: Ticket) -> None:
        accept(cancellation, ticket)
        taken.put(ticket)

    monkeypatch.setattr(Cancellation, "accept", accepting)
    return taken


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    yield
    thread.join(30)
    assert not thread.is_alive()


def until_step(client: Client, job: str, step: int) -> None:
    """Wait until the server tells of this step."""
    for event in client.watch(job):
        assert not isinstance(event, Frame)
        if event.get("step", 0) >= step:
            return


def test_ctrl_c_cancels_the_job_and_keeps_its_best_picture(
    start: Callable[..., Running], folder: Path, capsys: Capture, tickets: queue.SimpleQueue[Ticket]
) -> None:
    engine = FakeEngine(steps=50, gated=True)
    running = start(engine)
    before = signal.getsignal(signal.SIGINT)

    def press() -> None:
        ticket = tickets.get(timeout=30)
        engine.release(6)
        until_step(Client(running.url), ticket.job, 6)
        os.kill(os.getpid(), signal.SIGINT)

    with meanwhile(press):
        assert submit(running, "-o", "out.png", "--progress", "json") == 130
    end = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (end["type"], end["partial"], end["output"]) == ("cancelled", True, str(folder / "out.png"))
    assert Client(running.url).state(end["job"])["status"] == "cancelled"
    assert images.decode((folder / "out.png").read_bytes()) == picture_of(6)
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_before_the_job_is_accepted_counts(start: Callable[..., Running]) -> None:
    client = Client(start(FakeEngine(gated=True)).url)
    image = client.upload(image_bytes())
    cancellation = Cancellation(client)
    cancellation.ask()
    cancellation.accept(client.submit(image, [image]))
    assert cancellation.thread is not None
    cancellation.thread.join(30)
    assert cancellation.ticket is not None
    assert client.state(cancellation.ticket.job)["status"] == "cancelled"


def test_a_cancel_waits_for_a_server_that_restarts(
    start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(start(FakeEngine(gated=True)).url)
    image = client.upload(image_bytes())
    answers: list[Exception] = [Unreachable("gone"), ShuttingDown("soon back")]
    cancel = Client.cancel

    def sometimes(self: Client, ticket: Ticket) -> bool:
        if answers:
            raise answers.pop()
        return cancel(self, ticket)

    monkeypatch.setattr(Client, "cancel", sometimes)
    cancellation = Cancellation(client)
    cancellation.accept(client.submit(image, [image]))
    cancellation.ask()
    assert cancellation.thread is not None
    cancellation.thread.join(30)
    assert cancellation.ticket is not None
    assert client.state(cancellation.ticket.job)["status"] == "cancelled"


def test_a_job_cancelled_by_another_is_told_and_no_success(
    start: Callable[..., Running], folder: Path, capsys: Capture, tickets: queue.SimpleQueue[Ticket]
) -> None:
    running = start(FakeEngine(steps=50, gated=True))
    with meanwhile(lambda: Client(running.url).cancel(tickets.get(timeout=30))):
        assert submit(running, "-o", "out.png") == 1
    assert "the job was cancelled before it had a picture" in capsys.readouterr().err
    assert not (folder / "out.png").exists()


def test_a_job_cancelled_while_paused_is_saved_with_8_bits(
    start: Callable[..., Running], folder: Path, capsys: Capture, tickets: queue.SimpleQueue[Ticket]
) -> None:
    engine = FakeEngine(steps=50, gated=True)
    running = start(engine)

    def pause_and_cancel() -> None:
        client, ticket = Client(running.url), tickets.get(timeout=30)
        engine.release(6)
        until_step(client, ticket.job, 6)
        client.steer(ticket, "pause")
        for event in client.watch(ticket.job):
            assert not isinstance(event, Frame)
            if event["type"] == "paused" or event.get("status") == "paused":
                break
        client.cancel(ticket)

    with meanwhile(pause_and_cancel):
        assert submit(running, "-o", "out.png", "--depth", "16") == 1
    assert "saved with 8 bits per channel: " in capsys.readouterr().err
    assert images.decode((folder / "out.png").read_bytes()) == picture_of(6)

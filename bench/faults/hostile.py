"""What one hostile upload costs: a picture that unpacks to three quarters of a gigabyte, and bodies without an end.

python -m bench.faults.hostile [--times 20]
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import statistics
import struct
import time
import zlib
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx

from bench.common.machine import describe
from tests.support.picture_files import png_chunk
from tests.support.real_server.server_process import ServerProcess, server_process

# just above max_pixels
_SIDE_PX = 16_000
_LIMIT_BYTES = 4 * 2**20
_SENT_BYTES = 20 * _LIMIT_BYTES
# bytes of request bodies that the server has read since it began
READ = "duostyle_http_body_bytes_total"


def bomb() -> bytes:
    """A whole PNG of one colour, below a megabyte."""

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + 3 * _SIDE_PX)) for _ in range(_SIDE_PX)) + packer.flush()
    header = struct.pack(">IIBBBBB", _SIDE_PX, _SIDE_PX, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")


def upload_bomb(server: ServerProcess, times: int) -> None:
    data = bomb()
    taken = []
    with httpx.Client(base_url=server.url) as client:
        client.get("/livez")
        before = server.resident_bytes()
        server.forget_peak()
        cpu_s = server.cpu_s()
        for _ in range(times):
            start = time.perf_counter()
            response = client.post("/api/images", content=data)
            taken.append(time.perf_counter() - start)
            assert (response.status_code, response.json()["error"]["code"]) == (413, "image_too_large"), response.text
    cpu_s = (server.cpu_s() - cpu_s) / times
    more = (server.peak_bytes() - before) / 2**20
    print(
        f"{_SIDE_PX} x {_SIDE_PX} PNG of {len(data) / 2**10:.0f} KiB, {times} times: 413, "
        f"median {statistics.median(taken) * 1e3:.1f} ms, longest {max(taken) * 1e3:.1f} ms "
        f"(computed {cpu_s * 1e3:.1f} ms each), "
        f"at most {more:.1f} MiB more memory"
    )


def send_too_much(server: ServerProcess, path: str, kind: str, *, chunked: bool) -> None:
    """Send twenty times the limit; say what the server answered, what of it it had read, and when it let nothing more
    come, besides what the systems hold on the way."""
    where = urlsplit(server.url)
    before, sent = server.metric(READ), 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        if kind.startswith("multipart"):
            yield b'--b\r\nContent-Disposition: form-data; name="content"; filename="a"\r\n\r\n'
        while sent < _SENT_BYTES:
            sent += 2**16
            yield bytes(2**16)

    connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=30)
    headers = {"Content-Type": kind}
    if not chunked:
        headers["Content-Length"] = str(_SENT_BYTES)
    # it may answer and close before it has taken all; the answer is there to be read
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.request("POST", path, body(), headers, encode_chunked=chunked)
    try:
        response = connection.getresponse()
        answer = f"{response.status} {response.headers['content-type']} {response.read(200).decode()[:60]}"
    except (ConnectionError, http.client.HTTPException) as error:
        answer = f"closed ({type(error).__name__})"
    connection.close()
    how = "chunked" if chunked else "declared"
    read = server.metric(READ) - before
    print(f"{path} {kind.partition(';')[0]}, {how}: {answer}; read {read / 2**20:.3f} MiB, sent {sent / 2**20:.1f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20, help="how often the large picture is sent")
    options = parser.parse_args()
    print(describe())
    with server_process({}, max_upload_bytes=_LIMIT_BYTES) as server:
        upload_bomb(server, options.times)
        print(f"bodies against a limit of {_LIMIT_BYTES / 2**20:.0f} MiB a picture:")
        for chunked in (False, True):
            send_too_much(server, "/api/images", "image/png", chunked=chunked)
            send_too_much(server, "/api/jobs", "multipart/form-data; boundary=b", chunked=chunked)


if __name__ == "__main__":
    main()

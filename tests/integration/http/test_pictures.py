"""What becomes of each kind of picture: taken, and how it looks then, or refused, and by which name."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest
from PIL import Image

from duostyle.imaging import decode as images
from duostyle.imaging.decode import sniff
from tests.support.picture_files import BLUE, GREEN, RED, WHITE, near, pixel, png, saved
from tests.support.real_server.http_client import Client
from tests.support.real_server.running import Running
from tests.support.real_server.socket_client import finished

pytestmark = pytest.mark.real_server

SCRIPT = b"<script>alert(document.domain)</script>"


def turned() -> bytes:
    """Stored lying on its side; upright it is 16 wide and 32 high, red above blue."""
    image = Image.new("RGB", (32, 16), BLUE)
    image.paste(RED, (0, 0, 16, 16))
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(image, "JPEG", exif=exif, quality=95)


def zipped() -> bytes:
    """A GIF that is a ZIP archive as well."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("run.sh", SCRIPT)
    return saved(Image.new("RGB", (8, 8), GREEN), "GIF") + archive.getvalue()


def animated(format: str) -> bytes:
    frames = [Image.new("RGB", (16, 16), colour) for colour in (GREEN, BLUE, RED)]
    return saved(frames[0], format, save_all=True, append_images=frames[1:])


def palette() -> bytes:
    image = Image.new("P", (8, 8))
    image.putpalette([*GREEN, *BLUE])
    return saved(image, "PNG")


TAKEN = {
    "animated GIF: its first frame": (animated("GIF"), GREEN),
    "animated PNG: its first frame": (animated("PNG"), GREEN),
    "animated WebP: its first frame": (animated("WEBP"), GREEN),
    "many pages: the first": (animated("TIFF"), GREEN),
    "CMYK: sRGB": (saved(Image.new("CMYK", (16, 16), (255, 0, 255, 0)), "JPEG", quality=95), GREEN),
    "16 bits a channel: 8": (png(2, 1, 16, 2, b"\0" + struct.pack(">6H", 0, 0xFFFF, 0, 0, 0xFFFF, 0)), GREEN),
    "16-bit grey: 8": (png(2, 1, 16, 0, b"\0" + struct.pack(">2H", 0x8080, 0x8080)), (128, 128, 128)),
    "16-bit grey, big-endian": (saved(Image.new("I;16B", (8, 8), 0xFFFF), "TIFF"), WHITE),
    "floats: 0 to 1": (saved(Image.new("F", (8, 8), 0.4), "TIFF"), (102, 102, 102)),
    "palette: sRGB": (palette(), GREEN),
    "32 bits a channel: 8": (saved(Image.new("F", (8, 8), 128 / 255), "TIFF"), (128, 128, 128)),
    "16-bit grey, big-endian: 8": (saved(Image.new("I;16B", (8, 8), 0x8080), "TIFF"), (128, 128, 128)),
    "BMP": (saved(Image.new("RGB", (8, 8), GREEN), "BMP"), GREEN),
    "HEIF": (saved(Image.new("RGB", (8, 8), GREEN), "heif"), GREEN),
    "alpha: over white": (saved(Image.new("RGBA", (8, 8), (0, 0, 0, 0))), WHITE),
    "one bit: grey": (saved(Image.new("1", (8, 8), 1)), WHITE),
    "one pixel": (saved(Image.new("RGB", (1, 1), GREEN)), GREEN),
    "a line": (saved(Image.new("RGB", (1, 5000), GREEN)), GREEN),
    "polyglot with an archive: the picture alone": (zipped(), GREEN),
    "polyglot with a page: the picture alone": (
        saved(Image.new("RGB", (8, 8), GREEN), "JPEG", comment=SCRIPT, quality=95) + SCRIPT,
        GREEN,
    ),
}

REFUSED = {
    "huge: 16000 x 16000": (png(16_000, 16_000, 8, 2, b""), 413, "image_too_large"),
    "longer than a JPEG can be": (saved(Image.new("1", (images.MAX_SIDE_PX + 1, 1))), 413, "image_too_large"),
    "truncated PNG": (saved(Image.effect_noise((64, 64), 50))[:2000], 422, "corrupt_image"),
    "truncated JPEG": (saved(Image.effect_noise((64, 64), 50), "JPEG")[:500], 422, "corrupt_image"),
    "truncated GIF": (animated("GIF")[:40], 422, "corrupt_image"),
    "only the first bytes of a picture": (b"GIF89a/*" + SCRIPT, 422, "corrupt_image"),
    "a drawing with a script": (b"<svg xmlns='http://www.w3.org/2000/svg'>" + SCRIPT, 415, "unsupported_format"),
    "a page": (b"<!doctype html>" + SCRIPT, 415, "unsupported_format"),
    "a document": (b"%PDF-1.7\n", 415, "unsupported_format"),
    "a program": (b"\x7fELF" + bytes(100), 415, "unsupported_format"),
    "JPEG XL": (b"\xff\x0a" + bytes(20), 415, "unsupported_format"),
    "nothing": (b"", 415, "unsupported_format"),
}


@pytest.mark.parametrize("kind", ["image/png", "image/svg+xml", "application/octet-stream"])
@pytest.mark.parametrize("name", TAKEN)
async def test_taken(running: Running, http: Client, name: str, kind: str) -> None:
    data, colour = TAKEN[name]
    response = await http.http.post("/api/images", content=data, headers={"Content-Type": kind})
    assert response.status_code in (200, 201), response.text
    shown = await http.http.get(f"/api/images/{response.json()['id']}")
    # whatever was claimed and whatever it was, out comes one of two types, made by the server
    assert shown.headers["content-type"] in ("image/jpeg", "image/png")
    assert shown.headers["content-type"] == "image/" + sniff(shown.content)
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert SCRIPT not in shown.content
    assert b"run.sh" not in shown.content
    picture = images.decode(shown.content)
    assert (picture.width, picture.height) == (response.json()["width"], response.json()["height"])
    assert near(pixel(picture, 0, 0), colour, 3)


@pytest.mark.parametrize("name", REFUSED)
async def test_refused(running: Running, http: Client, name: str) -> None:
    data, status, code = REFUSED[name]
    for sent in ({"content": data}, {"files": {"file": ("picture.png", data, "image/png")}}):
        response = await http.http.post("/api/images", **sent)
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)


async def test_turned_pictures_are_upright(running: Running, http: Client) -> None:
    response = await http.http.post("/api/images", content=turned())
    assert (response.json()["width"], response.json()["height"]) == (16, 32)
    picture = images.decode((await http.http.get(f"/api/images/{response.json()['id']}")).content)
    assert (picture.width, picture.height) == (16, 32)
    assert near(pixel(picture, 8, 4), RED, 30)
    assert near(pixel(picture, 8, 28), BLUE, 30)


async def test_what_a_camera_wrote_goes_no_further(running: Running, http: Client) -> None:
    exif = Image.Exif()
    exif[0x010F] = "camera of somebody"
    exif.get_ifd(0x8825)[2] = (59.0, 20.0, 1.0)
    data = saved(Image.effect_noise((64, 48), 60).convert("RGB"), "JPEG", exif=exif, comment=b"place of somebody")
    assert b"somebody" in data
    image = await http.upload(data)
    accepted = await http.http.post("/api/jobs", json={"content": image, "styles": [image]})
    job = accepted.json()["job"]
    await finished(running.url, job)
    assert (await http.state(job))["status"] == "completed"
    paths = [f"/api/images/{image}", f"/api/images/{image}?size=32", f"/api/jobs/{job}/frame.jpg"]
    results = [f"/api/jobs/{job}/result.{ending}" for ending in ("png", "jpg", "webp", "tiff")]
    for path in paths + results:
        shown = await http.http.get(path)
        assert shown.status_code == 200, path
        assert b"somebody" not in shown.content, path
        tags = set(Image.open(io.BytesIO(shown.content)).getexif())
        # a TIFF is made of tags; what the server itself says of a painting is its resolution and, in 0x8769, a comment
        assert 0x010F not in tags, path
        assert 0x8825 not in tags, path
        if not path.endswith("tiff"):
            assert tags <= ({0x011A, 0x011B, 0x0128, 0x8769} if path in results else set()), path

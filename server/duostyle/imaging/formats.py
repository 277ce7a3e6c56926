"""Which formats are taken, told from a file's first bytes and never from its name; what a file may claim before it is
opened."""

from __future__ import annotations

from PIL import features

from duostyle.errors import CorruptImage, UnsupportedFormat

# Some builds of Pillow lack AVIF.
FORMATS = ("jpeg", "png", "webp", "gif", "tiff", *(("avif",) if features.check("avif") else ()))

_MAGIC = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
# A progressive JPEG of a few KiB may ask for a full pass over the picture per scan; real ones have about ten.
_MAX_SCANS, _START_OF_SCAN = 100, b"\xff\xda"


def sniff(data: bytes) -> str:
    """The format by the first bytes. Raises UnsupportedFormat."""
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if "avif" in FORMATS and _brands(data) & _AVIF_BRANDS:
        return "avif"
    raise UnsupportedFormat("this is not a picture in a supported format", limit=list(FORMATS))


def check_scans(data: bytes, kind: str) -> None:
    """Raises CorruptImage for a JPEG that would be decoded over and over."""
    if kind == "jpeg" and data.count(_START_OF_SCAN) > _MAX_SCANS:
        raise CorruptImage("the picture has too many scans", limit=_MAX_SCANS)


def _brands(data: bytes) -> set[bytes]:
    """The brands that the first box of an ISO media file claims; HEIC shares everything else with AVIF."""
    if data[4:8] != b"ftyp":
        return set()
    names = data[8:12] + data[16 : min(int.from_bytes(data[:4], "big"), 256)]
    return {names[at : at + 4] for at in range(0, len(names), 4)}

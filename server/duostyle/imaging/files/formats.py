"""Which format these bytes are, recognised by the first of them; and what to do with a file of another kind."""

from __future__ import annotations

from PIL import features

from duostyle.errors import UnsupportedFormat

# Some builds of Pillow lack AVIF.
FORMATS = ("jpeg", "png", "webp", "gif", "tiff", "bmp", "heic", "heif", *(("avif",) if features.check("avif") else ()))

_MAGIC = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
)
_BITMAP_HEADER_BYTES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
# HEIF whose pictures are coded as HEVC, and HEIF as such
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_HEIF_BRANDS = frozenset({b"mif1", b"msf1"})

_SAVE = "save the picture as JPEG or PNG"
_EXPORT = "export the picture as JPEG or PNG"
_OTHERS = (
    (b"\xff\x0a", "JPEG XL", _SAVE),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL", _SAVE),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000", _SAVE),
    (b"\xff\x4f\xff\x51", "JPEG 2000", _SAVE),
    (b"II+\x00", "BigTIFF", "save the picture as a plain TIFF, JPEG or PNG"),
    (b"MM\x00+", "BigTIFF", "save the picture as a plain TIFF, JPEG or PNG"),
    (b"II\xbc", "JPEG XR", _SAVE),
    (b"8BPS", "Photoshop", _EXPORT),
    (b"gimp xcf", "GIMP", _EXPORT),
    (b"\x76\x2f\x31\x01", "OpenEXR", _EXPORT),
    (b"#?RADIANCE", "Radiance HDR", _EXPORT),
    (b"#?RGBE", "Radiance HDR", _EXPORT),
    (b"\x00\x00\x01\x00", "icon", _SAVE),
    (b"DDS ", "DirectDraw", _EXPORT),
    (b"qoif", "QOI", _SAVE),
    (b"FUJIFILMCCD-RAW", "camera raw", _EXPORT),
    (b"IIRO", "camera raw", _EXPORT),
    (b"IIU\x00", "camera raw", _EXPORT),
    (b"%PDF", "PDF", "export the page as PNG"),
    (b"%!PS", "PostScript", "export the page as PNG"),
    (b"PK\x03\x04", "ZIP", "take the picture out of the archive"),
    (b"<?xml", "SVG", "export the drawing as PNG"),
    (b"<svg", "SVG", "export the drawing as PNG"),
    (b"\x1aE\xdf\xa3", "video", "save one of its pictures as JPEG"),
)
_LOOK_AT_BYTES = 64


def sniff(data: bytes) -> str:
    """The format. Raises UnsupportedFormat, which says what to do where the format is known but not supported."""
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BITMAP_HEADER_BYTES:
        return "bmp"
    brands = _brands(data)
    if brands & _AVIF_BRANDS:
        if "avif" in FORMATS:
            return "avif"
        raise _refusal("AVIF", _SAVE)
    if brands & _HEIC_BRANDS:
        return "heic"
    if brands & _HEIF_BRANDS:
        return "heif"
    if brands:
        raise _refusal("video", "save one of its pictures as JPEG")
    for magic, name, advice in _OTHERS:
        if data.startswith(magic) or data[:_LOOK_AT_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(magic):
            raise _refusal(name, advice)
    if data[:1] == b"P" and data[1:2] in b"1234567fF" and data[2:3].isspace():
        raise _refusal("Netpbm", _SAVE)
    raise UnsupportedFormat("this is not a picture in a supported format", limit=list(FORMATS))


def _refusal(name: str, advice: str) -> UnsupportedFormat:
    return UnsupportedFormat(f"{name} files are not supported; {advice}", limit=list(FORMATS), got=name)


def _brands(data: bytes) -> set[bytes]:
    """The brands that the first box of an ISO media file claims."""
    if data[4:8] != b"ftyp":
        return set()
    names = data[8:12] + data[16 : min(int.from_bytes(data[:4], "big"), 256)]
    return {names[at : at + 4] for at in range(0, len(names), 4)}

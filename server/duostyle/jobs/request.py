"""What a client asks for, checked before any image is looked up. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from duostyle.errors import BadRequest
from duostyle.params import IMAGE_ID, MAX_STYLES, StyleParams, parse_params


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A checked request for a painting: image ids and parameters."""

    content: str
    styles: tuple[str, ...]
    params: StyleParams

    def pictures(self) -> list[tuple[str, str]]:
        """Every image id with the path of the field that names it."""
        named = [("content", self.content)]
        named += [(f"styles.{index}", style) for index, style in enumerate(self.styles)]
        return named + self.params.uploaded_masks()


def parse_request(content: Any, styles: Any, params: Any, *, max_size_px: int) -> JobRequest:
    """Check the fields of `submit`, which came as JSON. Raises BadRequest and NotAvailable naming the field."""
    checked_content = _image_id(content, "content")
    if not isinstance(styles, list) or not 1 <= len(styles) <= MAX_STYLES:
        got = f"{len(styles)} entries" if isinstance(styles, list) else type(styles).__name__
        raise BadRequest(
            f"styles must be a list of 1 to {MAX_STYLES} image ids",
            field="styles",
            limit=f"1 to {MAX_STYLES} image ids",
            got=got,
        )
    checked_styles = tuple(_image_id(style, f"styles.{index}") for index, style in enumerate(styles))
    return JobRequest(
        checked_content, checked_styles, parse_params(params, styles=len(styles), max_size_px=max_size_px)
    )


def _image_id(value: Any, field: str) -> str:
    if not isinstance(value, str) or not IMAGE_ID.fullmatch(value):
        got = value[:80] if isinstance(value, str) else type(value).__name__
        raise BadRequest(f"{field} must be an image id", field=field, limit="sha256: and 64 hex digits", got=got)
    return value

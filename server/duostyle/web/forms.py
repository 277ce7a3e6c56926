"""Request bodies read into plain values: pictures, forms and JSON, with errors that name the field."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from duostyle.errors import BadRequest, UnsupportedFormat
from duostyle.params import MAX_STYLES
from duostyle.protocol import incoming as protocol

_MULTIPART = "multipart/form-data"
# Parts beyond those that are allowed are still read, so that the error can name the field.
_SPARE_PARTS = 4
_SPARE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class JobForm:
    """A multipart job: pictures as bytes, `params` decoded from JSON or None."""

    content: bytes
    styles: list[bytes]
    params: Any


def content_type(request: Request) -> str:
    """The media type alone, lower case; empty when there is none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def picture(request: Request) -> bytes:
    """The uploaded file: the whole body, or the form field `file`. Raises BadRequest, UnsupportedFormat."""
    kind = content_type(request)
    if kind == _MULTIPART:
        async with _form(request, files=1, texts=0) as form:
            _known(form, ("file",))
            return await _one_file(form, "file")
    if kind in ("", "application/octet-stream") or kind.startswith("image/"):
        return await request.body()
    raise UnsupportedFormat(
        "send the picture as the request body, or as the form field file",
        field="content-type",
        limit="image/*, application/octet-stream or multipart/form-data",
        got=kind[:80],
    )


async def json_object(request: Request, *, max_bytes: int) -> dict[str, Any]:
    """The body as a JSON object. Raises BadRequest."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise BadRequest(f"the JSON is larger than {max_bytes} bytes", limit=max_bytes, reached="max_message_bytes")
    return protocol.decode(_utf8(bytes(body)))


async def job_form(request: Request, *, max_bytes: int) -> JobForm:
    """The multipart body of a job; `max_bytes` caps the text of `params`. Raises BadRequest."""
    async with _form(request, files=1 + MAX_STYLES, texts=1, max_text_bytes=max_bytes) as form:
        _known(form, ("content", "style", "params"))
        texts = form.getlist("params")
        if len(texts) > 1:
            raise BadRequest("the form has params more than once", field="params", limit=1, got=len(texts))
        params = None
        if texts:
            text = texts[0] if isinstance(texts[0], str) else _utf8(await texts[0].read(max_bytes))
            params = _json_field(text)
        content = await _one_file(form, "content")
        styles = [await _file(value, f"style.{index}") for index, value in enumerate(form.getlist("style"))]
    if not 1 <= len(styles) <= MAX_STYLES:
        raise BadRequest(
            f"a job needs 1 to {MAX_STYLES} style files", field="style", limit=f"1 to {MAX_STYLES}", got=len(styles)
        )
    return JobForm(content, styles, params)


@asynccontextmanager
async def _form(request: Request, *, files: int, texts: int, max_text_bytes: int = 0) -> AsyncIterator[FormData]:
    most = {"max_files": files + _SPARE_PARTS, "max_fields": texts + _SPARE_PARTS}
    try:
        form = await request.form(**most, max_part_size=max(max_text_bytes, _SPARE_BYTES))
    except HTTPException as error:
        if error.detail.startswith("Too many"):
            raise BadRequest("the form has too many fields", limit=files + texts) from None
        if error.detail.startswith("Part exceeded"):
            raise BadRequest("a text in the form is too long", limit=max_text_bytes) from None
        raise BadRequest(f"the form could not be read: {error.detail}") from None
    try:
        yield form
    finally:
        await form.close()


def _known(form: FormData, names: tuple[str, ...]) -> None:
    for name in form:
        if name not in names:
            raise BadRequest(f"unknown form field {name[:80]}", field=name[:80], limit=list(names))


async def _one_file(form: FormData, name: str) -> bytes:
    values = form.getlist(name)
    if len(values) != 1:
        raise BadRequest(f"the form needs exactly one file named {name}", field=name, limit=1, got=len(values))
    return await _file(values[0], name)


async def _file(value: UploadFile | str, field: str) -> bytes:
    if isinstance(value, str):
        raise BadRequest("this form field must be a file", field=field, limit="file", got="text")
    return await value.read()


def _json_field(text: str) -> Any:
    try:
        return protocol.decode(text)
    except BadRequest as error:
        raise BadRequest("params must be a JSON object", field="params", limit="object", got=error.got) from None


def _utf8(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("the text is not UTF-8") from None

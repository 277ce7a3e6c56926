"""Request bodies read into plain values: pictures, forms and JSON, with errors that name the field."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from duostyle.errors import BadRequest, ImageTooLarge, UnsupportedFormat
from duostyle.params import MAX_STYLES
from duostyle.protocol import incoming as protocol

_MULTIPART = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class JobForm:
    """A multipart job: pictures as bytes, `params` decoded from JSON or None."""

    content: bytes
    styles: list[bytes]
    params: Any


def content_type(request: Request) -> str:
    """The media type alone, lower case; empty when there is none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def picture(request: Request, *, max_bytes: int) -> bytes:
    """The uploaded file: the whole body, or the form field `file`, which has at most `max_bytes`.

    Raises BadRequest, ImageTooLarge, UnsupportedFormat.
    """
    kind = content_type(request)
    if kind == _MULTIPART:
        async with _form(request, {"file": 1}, max_file_bytes=max_bytes) as form:
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


async def job_form(request: Request, *, max_file_bytes: int, max_text_bytes: int) -> JobForm:
    """The multipart body of a job, with limits on the size of each picture and of the text of `params`.

    Raises BadRequest, ImageTooLarge.
    """
    most = {"content": 1, "style": MAX_STYLES, "params": 1}
    async with _form(request, most, max_file_bytes=max_file_bytes, max_text_bytes=max_text_bytes) as form:
        texts = form.getlist("params")
        params = None
        if texts:
            text = texts[0] if isinstance(texts[0], str) else _utf8(await texts[0].read(max_text_bytes))
            params = _json_field(text)
        content = await _one_file(form, "content")
        styles = [await _file(value, f"style.{index}") for index, value in enumerate(form.getlist("style"))]
    if not styles:
        raise BadRequest(f"a job needs 1 to {MAX_STYLES} style files", field="style", limit=f"1 to {MAX_STYLES}", got=0)
    return JobForm(content, styles, params)


class _Parser(MultiPartParser):
    """Starlette's, which stops at the first part that is too much, before it reads the rest.

    `most` names the fields, and says how many there may be of each.
    """

    def __init__(
        self, request: Request, most: Mapping[str, int], *, max_file_bytes: int, max_text_bytes: int = 0
    ) -> None:
        super().__init__(request.headers, request.stream(), max_part_size=max_text_bytes)
        self._most, self._max_file_bytes = most, max_file_bytes
        self._seen: Counter[str] = Counter()
        self._part_bytes = 0

    def on_headers_finished(self) -> None:
        part = self._current_part
        disposition = part.content_disposition or b""
        kind = dict(part.item_headers).get(b"content-type", b"text/plain").strip().lower()
        if b"filename" not in disposition and not kind.startswith(b"text/"):
            # some clients name the type of a file and not the file
            part.content_disposition = disposition + b'; filename=""'
        super().on_headers_finished()
        self._part_bytes = 0
        name = self._current_part.field_name
        if name not in self._most:
            raise BadRequest(f"unknown form field {name[:80]}", field=name[:80], limit=list(self._most))
        self._seen[name] += 1
        if self._seen[name] > self._most[name]:
            limit = self._most[name]
            often = "more than once" if limit == 1 else f"more than {limit} times"
            raise BadRequest(f"the form has {name} {often}", field=name, limit=limit, got=self._seen[name])

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._part_bytes += end - start
        name = self._current_part.field_name
        if self._current_part.file is None:
            if self._part_bytes > self.max_part_size:
                text, most = f"the text in {name} is larger than {self.max_part_size} bytes", self.max_part_size
                raise BadRequest(text, field=name, limit=most, reached="max_message_bytes")
        elif self._part_bytes > self._max_file_bytes:
            text, most = f"the file in {name} is larger than {self._max_file_bytes} bytes", self._max_file_bytes
            raise ImageTooLarge(text, field=name, limit=most, reached="max_upload_bytes")
        super().on_part_data(data, start, end)


@asynccontextmanager
async def _form(request: Request, most: Mapping[str, int], **limits: int) -> AsyncIterator[FormData]:
    try:
        form = await _Parser(request, most, **limits).parse()
    except MultiPartException as error:
        raise BadRequest(f"the form could not be read: {error.message}") from None
    try:
        yield form
    finally:
        await form.close()


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

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duostyle.errors import BadRequest
from duostyle.protocol import outgoing
from duostyle.protocol.frames import FrameHeader, decode_frame, encode_frame

NUMBERS = st.floats(min_value=0, max_value=1e12, allow_nan=False) | st.just(1e308)
JOB = "A" * 22


def progress(**changed: Any) -> str:
    fields: dict[str, Any] = {
        "job": JOB,
        "seq": 1,
        "step": 1,
        "total_steps": 10,
        "level": 1,
        "width": 96,
        "height": 64,
        "costs": {"total": 3.0, "content": 1.0, "style": [1.5], "tv": 0.5},
        "step_s": 0.1,
        "elapsed_s": 0.1,
        "eta_s": 0.9,
    }
    return outgoing.Progress(**(fields | changed)).text()


@given(
    st.integers(0, 10**8), st.integers(1, 5000), NUMBERS, NUMBERS, NUMBERS, st.lists(NUMBERS, min_size=1, max_size=4)
)
def test_progress_fits_whatever_the_numbers(
    seq: int, step: int, seconds: float, total: float, tv: float, style: list[float]
) -> None:
    text = progress(
        seq=seq,
        step=step,
        total_steps=5000,
        level=7,
        width=8192,
        height=8192,
        costs={"total": total, "content": total, "style": style, "tv": tv},
        step_s=seconds,
        elapsed_s=seconds,
        eta_s=seconds,
    )
    assert len(text.encode()) <= 300
    costs = json.loads(text)["costs"]
    assert costs["total"] == pytest.approx(total, rel=0.05)
    assert costs["style"] == pytest.approx(style, rel=0.05)


def test_the_worst_case_has_four_styles_and_long_numbers() -> None:
    costs = {"total": 1.23456789e-5, "content": 1.23456789e-5, "style": [1.23456789e-5] * 4, "tv": 1.23456789e-5}
    text = progress(
        seq=99_999, step=4999, total_steps=5000, level=7, width=8192, height=8192, costs=costs, elapsed_s=98765.4321
    )
    assert len(text) <= 300
    assert len(json.loads(text)["costs"]["style"]) == 4


def test_progress_names_what_the_contract_names() -> None:
    message = json.loads(progress())
    assert list(message) == [
        "type",
        "job",
        "seq",
        "step",
        "total_steps",
        "level",
        "width",
        "height",
        "costs",
        "step_s",
        "elapsed_s",
        "eta_s",
    ]
    assert message["costs"] == {"total": 3, "content": 1, "style": [1.5], "tv": 0.5}


def test_numbers_that_are_not_finite_become_null() -> None:
    message = json.loads(progress(eta_s=math.inf, costs={"total": math.nan, "content": 1.0, "style": [1.0], "tv": 0.0}))
    assert message["eta_s"] is None
    assert message["costs"]["total"] is None


@pytest.mark.parametrize(
    ("value", "digits", "rounded"), [(1.23456, 3, 1.23), (123456.0, 3, 123000), (0.00012345, 2, 0.00012), (0.0, 3, 0)]
)
def test_significant_digits(value: float, digits: int, rounded: float) -> None:
    assert outgoing.significant(value, digits) == rounded


@given(
    st.none() | st.text(min_size=1, max_size=30),
    st.integers(0, 2**53),
    st.booleans(),
    st.binary(max_size=100),
)
def test_a_frame_comes_back_as_it_was(job: str | None, seq: int, final: bool, image: bytes) -> None:
    data = encode_frame(FrameHeader(job, seq, 3, 8, 6, final=final), image)
    header, back = decode_frame(data)
    assert back == image
    assert header == {
        "type": "frame",
        "job": job,
        "seq": seq,
        "step": 3,
        "width": 8,
        "height": 6,
        "mime": "image/jpeg",
        "final": final,
    }
    assert int.from_bytes(data[:4], "big") == len(data) - 4 - len(image)


@given(st.binary(max_size=60))
def test_garbage_is_no_frame(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        decode_frame(data)


@given(st.text(max_size=64))
def test_any_ref_is_echoed(ref: str) -> None:
    text = outgoing.Error(**BadRequest("no", field="x", got=1).as_dict(), ref=ref).text()
    assert text.isascii()
    assert json.loads(text) == {
        "type": "error",
        "ref": ref,
        "code": "bad_request",
        "message": "no",
        "field": "x",
        "got": 1,
    }


def test_a_field_without_a_value_is_null_and_one_with_a_default_is_absent() -> None:
    queued = outgoing.Queued(job=JOB, position=1, eta_s=None)
    assert json.loads(queued.text()) == {"type": "queued", "job": JOB, "position": 1, "eta_s": None}
    error = outgoing.Error(code="internal", message="m", limit=0)
    assert json.loads(error.text()) == {"type": "error", "code": "internal", "message": "m", "limit": 0}


def test_a_message_takes_its_own_fields_only() -> None:
    with pytest.raises(TypeError):
        outgoing.Paused(job=JOB, position=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        outgoing.Queued(job=JOB)  # type: ignore[call-arg]


def test_each_message_has_its_own_type() -> None:
    types = [kind.type for kind in outgoing.messages()]
    assert len(types) == len(set(types))
    assert {"hello", "queued", "progress", "failed", "pong", "shutdown"} < set(types)


def test_no_ref_no_field() -> None:
    assert json.loads(outgoing.Pong().text()) == {"type": "pong"}

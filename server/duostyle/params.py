"""The parameters of a job: names, ranges, defaults and help, in this one place.

The HTTP form, the socket, the command line, the page and the docs are generated from `StyleParams` or tested
against it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from duostyle.errors import BadRequest

MAX_STYLES = 4
IMAGE_ID = re.compile(r"sha256:[0-9a-f]{64}")

StyleLayer = Literal["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
STYLE_LAYERS: tuple[str, ...] = get_args(StyleLayer)
MaskMode = Literal["auto", "left-right", "top-bottom", "light-dark", "person"]
MASK_MODES: tuple[str, ...] = get_args(MaskMode)
Protection = Literal["person", "background"]
PROTECTIONS: tuple[str, ...] = get_args(Protection)
ImageId = Annotated[str, Field(pattern=f"^{IMAGE_ID.pattern}$")]
Weight = Annotated[float, Field(ge=0, le=1e4)]
Scale = Annotated[float, Field(ge=0.25, le=4)]


def _live(default: Any, **constraints: Any) -> Any:
    return Field(default, json_schema_extra={"live": True}, **constraints)


class StyleParams(BaseModel):
    """Parameters of one job, checked; values are as the client gave them, nothing is clamped.

    None means "by the preset" (`iterations`, `tv_weight`), "equal" (`style_mix`), "by `style_loss`"
    (`style_layer_weights`) or "none" (`masks`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    size: int = Field(512, ge=64, le=8192, description="Longest side in px; the aspect ratio is kept.")
    iterations: int | None = _live(
        None, ge=1, le=5000, description="Optimiser steps in total; by default those of the preset."
    )
    preset: Literal["instant", "draft", "standard", "fine"] = Field(
        "standard", description="How much work: levels, steps and smoothness."
    )
    content_weight: float = _live(1.0, ge=0, le=1e3, description="Multiplier of the content cost.")
    style_weight: float = _live(20.0, ge=0, le=1e4, description="Multiplier of the style cost.")
    style_mix: list[Weight] | None = _live(
        None,
        min_length=1,
        max_length=MAX_STYLES,
        description="One number per style: its share of the picture, normalised to a sum of 1.",
    )
    style_loss: Literal["covariance", "gram"] = Field(
        "covariance", description="Which second-order statistics of the features are matched."
    )
    style_layer_weights: dict[StyleLayer, Weight] | None = _live(
        None, description="Weight of each style layer; by default those of style_loss."
    )
    content_layer: Literal["relu3_1", "relu4_1", "relu4_2"] = Field(
        "relu4_2", description="The layer whose features carry the content."
    )
    style_scale: Scale | list[Scale] = Field(
        1.0, description="Size of a style's strokes relative to the picture, one number or one per style."
    )
    masks: MaskMode | list[str | None] | None = _live(
        None, description="Where each style goes: one grey image id or null per style, or a mode."
    )
    protect: Protection | ImageId | None = _live(
        None, description="Where the content stays as it is: the people, the rest, or a grey image."
    )
    abstraction: float = _live(
        0.0, ge=0, le=1, description="How much of the content's fine detail gives way to strokes."
    )
    preserve_color: float = _live(0.0, ge=0, le=1, description="How much of the content's own colours is kept.")
    tv_weight: float | None = _live(
        None, ge=0, le=1e3, description="Weight of smoothness (total variation); by default that of the preset."
    )
    init: Literal["auto", "content", "noise", "preview"] = Field("auto", description="What painting starts from.")
    transparency: Literal["flatten", "keep"] = Field(
        "flatten",
        description="Transparent parts: laid on white, or kept: transparent in the result, and no part of a style.",
    )
    optimizer: Literal["lbfgs", "adam"] = Field("lbfgs", description="The optimiser.")
    seed: int = Field(0, ge=0, le=2**53 - 1, description="Same machine, threads and seed: the same picture.")

    @field_validator("style_mix")
    @classmethod
    def _mix_has_a_sum(cls, mix: list[float] | None) -> list[float] | None:
        if mix is not None and sum(mix) <= 0:
            raise ValueError("at least one share must be above 0")
        return mix

    @field_validator("style_layer_weights")
    @classmethod
    def _some_layer_counts(cls, weights: dict[str, float] | None) -> dict[str, float] | None:
        if weights is not None and sum(weights.values()) <= 0:
            raise ValueError("at least one layer weight must be above 0")
        return weights

    @field_validator("masks")
    @classmethod
    def _masks_are_ids(cls, masks: str | list[str | None] | None) -> str | list[str | None] | None:
        if isinstance(masks, list):
            if len(masks) > MAX_STYLES:
                raise ValueError(f"there can be at most {MAX_STYLES} masks")
            for mask in masks:
                if mask is not None and not IMAGE_ID.fullmatch(mask):
                    raise ValueError("each mask must be an image id (sha256:...) or null")
        return masks

    def mix_for(self, styles: int) -> tuple[float, ...]:
        """`style_mix` normalised to sum 1 for this many styles (1..4); equal shares by default."""
        mix = self.style_mix or [1.0] * styles
        total = sum(mix)
        return tuple(share / total for share in mix)

    def mask_ids(self) -> list[tuple[str, str | None]]:
        """The grey images that belong to these parameters, in order: one entry per style where `masks` is a list, then
        that of `protect` where it is an image. Each is the path of its field and its image id or None."""
        masks = self.masks if isinstance(self.masks, list) else []
        named: list[tuple[str, str | None]] = [(f"masks.{index}", mask) for index, mask in enumerate(masks)]
        if self.protect is not None and IMAGE_ID.fullmatch(self.protect):
            named.append(("protect", self.protect))
        return named

    def uploaded_masks(self) -> list[tuple[str, str]]:
        """The image ids among `mask_ids`, each with the path of its field in a request."""
        return [(f"params.{field}", mask) for field, mask in self.mask_ids() if mask is not None]

    def asks_for_people(self) -> str | None:
        """The parameter that needs people in the content, None when none does."""
        if self.masks == "person":
            return "masks"
        return "protect" if self.protect in PROTECTIONS else None

    def scales_for(self, styles: int) -> tuple[float, ...]:
        """`style_scale` as one number per style (1..4)."""
        if isinstance(self.style_scale, list):
            return tuple(self.style_scale)
        return (self.style_scale,) * styles


def live_fields() -> frozenset[str]:
    """Names of the parameters that may be changed while the job runs."""
    return frozenset(
        name
        for name, field in StyleParams.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("live")
    )


def parse_params(raw: Any, *, styles: int, max_size_px: int, path: str = "params") -> StyleParams:
    """Check what a client sent (a mapping, or None for all defaults) for a job with `styles` styles (1..4).

    Raises BadRequest naming the field, what came and what is allowed.
    """
    raw = {} if raw is None else raw
    if not isinstance(raw, Mapping):
        raise BadRequest("params must be an object", field=path, limit="object", got=_short(raw))
    try:
        params = StyleParams.model_validate(dict(raw))
    except ValidationError as error:
        raise _bad_request(error, path) from None
    if params.size > max_size_px:
        message, limit = f"size must be at most {max_size_px}", f"64 to {max_size_px}"
        raise BadRequest(message, field=f"{path}.size", limit=limit, got=params.size, reached="max_size_px")
    for name in ("style_mix", "style_scale", "masks"):
        value = getattr(params, name)
        if isinstance(value, list) and len(value) != styles:
            message, limit = f"{name} needs one entry per style", f"{styles} entries"
            raise BadRequest(message, field=f"{path}.{name}", limit=limit, got=f"{len(value)} entries")
    return params


def apply_changes(params: StyleParams, raw: Any, *, styles: int, max_size_px: int) -> StyleParams:
    """`params` with the live changes of an `update` message.

    Raises BadRequest when a name is not live or a value is not allowed; then nothing is changed.
    """
    if not isinstance(raw, Mapping) or not raw:
        raise BadRequest(
            "params must be an object with at least one live parameter",
            field="params",
            limit=sorted(live_fields()),
            got=_short(raw),
        )
    allowed = live_fields()
    for name in raw:
        if name not in allowed:
            raise BadRequest(
                f"{_short(name)} cannot be changed while the job runs",
                field=f"params.{_short(name)}",
                limit=sorted(allowed),
                got=_short(name),
            )
    return parse_params({**params.model_dump(exclude_unset=True), **raw}, styles=styles, max_size_px=max_size_px)


def no_people(name: str) -> BadRequest:
    """The error when the parameter `name` needs people in the content, and there are none."""
    return BadRequest(
        f"{name}: there are no people in the content",
        field=f"params.{name}",
        limit="a content with people, or another choice",
        got="a content without people",
    )


def describe_params() -> list[dict[str, Any]]:
    """One row per parameter: `name`, `schema` (JSON schema), `default`, `live`, `help`; for docs, page and tests."""
    schema = StyleParams.model_json_schema()["properties"]
    live = live_fields()
    return [
        {
            "name": name,
            "schema": {key: value for key, value in schema[name].items() if key not in ("title", "live")},
            "default": field.default,
            "live": name in live,
            "help": field.description,
        }
        for name, field in StyleParams.model_fields.items()
    ]


def _bad_request(error: ValidationError, path: str) -> BadRequest:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"] if not _is_union_tag(str(part)))
    name = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        return BadRequest(
            f"unknown parameter {_short(name)}",
            field=f"{path}.{_short(name)}",
            limit=list(StyleParams.model_fields),
            got=_short(name),
        )
    message = str(first["msg"]).removeprefix("Value error, ")
    return BadRequest(
        f"{where}: {message}", field=f"{path}.{where}", limit=allowed_text(name), got=_short(first["input"])
    )


def _is_union_tag(part: str) -> bool:
    # pydantic puts the branch of a union into the location; a client knows nothing of branches
    return part.startswith(("list[", "float", "constrained", "literal[", "function-", "nullable")) or part == "[key]"


def allowed_text(name: str) -> str:
    """What a parameter allows, in words a person can act on (empty for an unknown name)."""
    field = StyleParams.model_fields.get(name)
    if field is None:
        return ""
    schema = StyleParams.model_json_schema()["properties"][name]
    branches = [branch for branch in schema.get("anyOf", [schema]) if branch.get("type") != "null"]
    return " or ".join(allowed_by(branch) for branch in branches)


def allowed_by(branch: Mapping[str, Any]) -> str:
    """What a JSON Schema without alternatives allows, in words: of a parameter, or of a field of a message."""
    if "enum" in branch:
        return ", ".join(branch["enum"])
    if branch.get("type") == "array":
        return f"a list: {allowed_by(branch['items'])}, one per style"
    if branch.get("type") == "object":
        return f"an object of {', '.join(STYLE_LAYERS)} with numbers from 0 to 10000"
    if "minimum" in branch:
        kind = "whole number" if branch["type"] == "integer" else "number"
        return f"{kind} from {branch['minimum']:g} to {branch['maximum']:.16g}"
    if "exclusiveMinimum" in branch:
        return f"number above {branch['exclusiveMinimum']:g}, at most {branch['maximum']:g}"
    if "pattern" in branch:
        return "image id"
    if "maxLength" in branch:
        low, high = branch.get("minLength"), branch["maxLength"]
        return f"at most {high} characters" if low is None else f"{low} to {high} characters"
    return "image id or null" if "anyOf" in branch else str(branch.get("type", ""))


def _short(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        # NaN and the infinities are not JSON
        return value if abs(value) < 1e300 else str(value)[:80]
    text = value if isinstance(value, str) else type(value).__name__
    return text[:80]

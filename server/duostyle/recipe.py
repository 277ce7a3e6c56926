"""What a painting was made from, as JSON: part of its file and of its job's state, and read to paint it again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from duostyle.errors import BadRequest
from duostyle.params import IMAGE_ID, StyleParams, apply_changes, parse_params
from duostyle.picture import Picture

# keys of the texts in a painting's file: the parameters alone, and everything
PARAMS_KEY = "duostyle"
RECIPE_KEY = "duostyle-job"
REPLAYABLE = "a job as GET /api/jobs/JOB gives it, or a painting as duostyle saved it"

Masks = tuple[Picture | None, ...]


@dataclass(frozen=True, slots=True)
class Due:
    """All parameters from the evaluation after `step` on."""

    step: int
    params: StyleParams


@dataclass(frozen=True, slots=True)
class Recipe:
    """`params` at the beginning and the changes on the way; image ids where they are known."""

    params: StyleParams
    changes: tuple[Due, ...]
    content: str | None
    styles: tuple[str, ...] | None

    @property
    def masks(self) -> list[str]:
        """Ids of all masks that are used at any time, in order."""
        lists = [params.mask_ids() for params in (self.params, *(due.params for due in self.changes))]
        return list(dict.fromkeys(mask for masks in lists for _, mask in masks if mask is not None))


def recipe_text(
    params: StyleParams, content: str, styles: Sequence[str], steering: Mapping[str, Any] | None
) -> dict[str, str]:
    """The texts of a painting's file; `steering` as `duostyle.engine.api.steering` gives it."""
    chosen = params.model_dump(mode="json")
    recipe = {"params": chosen, "content": content, "styles": list(styles), "steering": steering}
    return {PARAMS_KEY: json.dumps(chosen), RECIPE_KEY: json.dumps(recipe)}


def read_recipe(data: bytes, *, styles: int, max_size_px: int) -> Recipe:
    """What `recipe_text` or a job's state says, or parameters alone. Raises BadRequest, also when the
    number of styles is not `styles`."""
    try:
        raw = json.loads(data)
    except ValueError:
        raise BadRequest("the file to replay is not JSON", limit=REPLAYABLE) from None
    if not isinstance(raw, dict):
        raise BadRequest("the file to replay is not a JSON object", limit=REPLAYABLE)
    if "params" not in raw:
        raw = {"params": raw}
    content, used = raw.get("content"), raw.get("styles")
    if content is not None and not _is_id(content):
        raise BadRequest("the content in the file to replay is not an image id", field="content")
    if used is not None and not (isinstance(used, list) and used and all(map(_is_id, used))):
        raise BadRequest("the styles in the file to replay are not a list of image ids", field="styles")
    if used is not None and len(used) != styles:
        raise BadRequest("the job had a different number of styles", limit=len(used), got=styles)
    steering = raw.get("steering")
    if steering is None:
        steering = {"params": raw["params"], "changes": []}
    if not isinstance(steering, dict) or not isinstance(steering.get("changes"), list):
        raise BadRequest("steering must be an object with params and changes", field="steering")
    begin = params = parse_params(_params(steering), styles=styles, max_size_px=max_size_px, path="steering.params")
    changes: list[Due] = []
    for change in steering["changes"]:
        params, step = _changed(params, change, styles, max_size_px)
        if changes and step < changes[-1].step:
            raise BadRequest("the changes in the file to replay are not in order", field="steering.changes", got=step)
        changes.append(Due(step, params))
    return Recipe(begin, tuple(changes), content, None if used is None else tuple(used))


def _params(holder: dict[str, Any]) -> Any:
    if holder.get("params") is None:
        raise BadRequest("the file to replay has no parameters", field="params")
    return holder["params"]


def _changed(params: StyleParams, change: Any, styles: int, max_size_px: int) -> tuple[StyleParams, int]:
    step = change.get("step") if isinstance(change, dict) else None
    if not isinstance(step, int) or isinstance(step, bool) or step < 0:
        raise BadRequest("every change needs the step after which it was made", field="steering.changes.step")
    return apply_changes(params, _params(change), styles=styles, max_size_px=max_size_px), step


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and IMAGE_ID.fullmatch(value) is not None

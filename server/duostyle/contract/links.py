"""OpenAPI's links: how the answer of one operation becomes the request of another, from an upload to the result."""

from __future__ import annotations

from typing import Any

Links = dict[str, dict[str, Any]]

_IMAGE = "$response.body#/id"
_JOB = "$response.body#/job"
_KEY = {"header.X-Duostyle-Key": "$response.body#/key"}


def from_upload() -> Links:
    """What may be done with a stored picture."""
    return {
        "picture": _link("picture", "The picture.", image=_IMAGE),
        "submit": _order("submit", "A job that paints the picture in its own style.", _IMAGE, _IMAGE),
        "preview": _order("preview", "A preview of that.", _IMAGE, _IMAGE),
        "giveUp": _link("giveUp", "Delete it.", image=_IMAGE, **_KEY),
    }


def from_gallery() -> Links:
    """What may be done with the built-in pictures."""
    content, style = (f"$response.body#/{kind}/0/id" for kind in ("content", "style"))
    return {
        "picture": _link("picture", "The first picture.", image=content),
        "submit": _order("submit", "A job that paints the first picture in the first style.", content, style),
    }


def from_job(*, keyed: bool) -> Links:
    """What may be asked of a job, and done to it by who has its key."""
    links = {
        "state": _link("state", "Its state.", job=_JOB),
        "result": _link("result", "The painting, or the best so far.", job=_JOB, format="png", partial="1"),
        "frame": _link("frame", "Its newest frame.", job=_JOB),
        "timelapse": _link("timelapse", "The list of its recorded frames.", job=_JOB),
        "film": _link("film", "The recorded frames as an animation.", job=_JOB, format="webp"),
    }
    if keyed:
        links["cancel"] = _link("cancel", "Cancel it.", job=_JOB, **_KEY)
        links["forget"] = _link("forget", "Delete it.", job=_JOB, **_KEY)
    return links


def from_timelapse() -> Links:
    """What may be done with the list of recorded frames."""
    frame = _link("timelapseFrame", "The first of them.", job=_JOB, n="$response.body#/frames/0/n")
    return {"timelapseFrame": frame}


def _link(operation: str, description: str, **parameters: str) -> dict[str, Any]:
    return {"operationId": operation, "description": description, "parameters": parameters}


def _order(operation: str, description: str, content: str, style: str) -> dict[str, Any]:
    # within a body an expression is embedded in a string
    body = {"content": f"{{{content}}}", "styles": [f"{{{style}}}"]}
    return {"operationId": operation, "description": description, "requestBody": body}

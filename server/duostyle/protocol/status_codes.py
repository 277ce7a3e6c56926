"""Which HTTP status and which WebSocket close code each error stands for: the one table that both edges read."""

from __future__ import annotations

import json
from dataclasses import dataclass

from duostyle import errors

GOING_AWAY, BAD_TEXT, POLICY, TOO_BIG, INTERNAL, RESTART, TRY_LATER = 1001, 1007, 1008, 1009, 1011, 1012, 1013
RETRY_S = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """`http` is the status of an HTTP answer; `close` the code when the error ends a WebSocket."""

    http: int
    close: int


_TABLE: dict[type[errors.DuostyleError], Outcome] = {
    errors.DuostyleError: Outcome(500, INTERNAL),
    errors.RequestError: Outcome(400, POLICY),
    errors.BadRequest: Outcome(422, POLICY),
    errors.ImageError: Outcome(422, POLICY),
    errors.ImageTooLarge: Outcome(413, TOO_BIG),
    errors.UnsupportedFormat: Outcome(415, POLICY),
    errors.CorruptImage: Outcome(422, POLICY),
    errors.NotFound: Outcome(404, POLICY),
    errors.MethodNotAllowed: Outcome(405, POLICY),
    errors.Unauthorized: Outcome(401, POLICY),
    errors.Forbidden: Outcome(403, POLICY),
    errors.NotFinished: Outcome(409, POLICY),
    errors.NotAvailable: Outcome(501, POLICY),
    errors.BusyError: Outcome(503, TRY_LATER),
    errors.TooManyJobs: Outcome(429, TRY_LATER),
    errors.TooManyRequests: Outcome(429, TRY_LATER),
    errors.QueueFull: Outcome(503, TRY_LATER),
    errors.ShuttingDown: Outcome(503, RESTART),
    errors.StorageUnavailable: Outcome(503, TRY_LATER),
    errors.EngineStalled: Outcome(503, TRY_LATER),
    errors.ServerError: Outcome(500, INTERNAL),
    errors.InternalError: Outcome(500, INTERNAL),
    errors.EngineError: Outcome(500, INTERNAL),
    errors.OutOfMemory: Outcome(500, INTERNAL),
    errors.WeightsError: Outcome(503, INTERNAL),
}


def outcome(error: errors.DuostyleError) -> Outcome:
    """The row of this error's own class. Raises KeyError when the class has none, which a test rules out."""
    return _TABLE[type(error)]


def has_row(kind: type[errors.DuostyleError]) -> bool:
    """True when `kind` has a row of its own."""
    return kind in _TABLE


def codes() -> dict[str, int]:
    """The closed list of codes that clients meet, each with its HTTP status."""
    return {kind.code: row.http for kind, row in _TABLE.items() if not kind.__subclasses__()}


def answer(error: errors.DuostyleError) -> tuple[int, dict[str, str], bytes]:
    """The error as an HTTP answer: status, headers, JSON body."""
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    if isinstance(error, errors.BusyError):
        headers["Retry-After"] = str(RETRY_S)
    elif isinstance(error, errors.Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    return outcome(error).http, headers, json.dumps({"error": error.as_dict()}).encode()

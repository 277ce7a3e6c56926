"""Which HTTP status and which WebSocket close code each error stands for: the one table that both edges read."""

from __future__ import annotations

import json
from dataclasses import dataclass

from duostyle import errors

DONE, GOING_AWAY, NOT_TEXT, BAD_TEXT, POLICY, TOO_BIG = 1000, 1001, 1003, 1007, 1008, 1009
INTERNAL, RESTART, TRY_LATER = 1011, 1012, 1013
# Every code that a WebSocket is closed with, and what it means to a client.
CLOSE_CODES = {
    DONE: "done",
    GOING_AWAY: "going away",
    NOT_TEXT: "the client sent a binary message",
    BAD_TEXT: "the client sent bad UTF-8",
    POLICY: "policy: too many messages",
    TOO_BIG: "the message was too big",
    INTERNAL: "internal error, or no answer to a ping",
    RESTART: "restart",
    TRY_LATER: "too slow, or too many sockets",
}
RETRY_S = 5


@dataclass(frozen=True, slots=True)
class WireStatus:
    """What an error is on the wire: the status of an HTTP answer, the close code when it ends a WebSocket."""

    http: int
    close: int


_TABLE: dict[type[errors.DuostyleError], WireStatus] = {
    errors.DuostyleError: WireStatus(500, INTERNAL),
    errors.RequestError: WireStatus(400, POLICY),
    errors.BadRequest: WireStatus(422, POLICY),
    errors.ImageError: WireStatus(422, POLICY),
    errors.ImageTooLarge: WireStatus(413, TOO_BIG),
    errors.UnsupportedFormat: WireStatus(415, POLICY),
    errors.CorruptImage: WireStatus(422, POLICY),
    errors.NotFound: WireStatus(404, POLICY),
    errors.MethodNotAllowed: WireStatus(405, POLICY),
    errors.Unauthorized: WireStatus(401, POLICY),
    errors.Forbidden: WireStatus(403, POLICY),
    errors.NotFinished: WireStatus(409, POLICY),
    errors.Superseded: WireStatus(409, POLICY),
    errors.NotAvailable: WireStatus(501, POLICY),
    errors.BusyError: WireStatus(503, TRY_LATER),
    errors.TooManyJobs: WireStatus(429, TRY_LATER),
    errors.TooManyRequests: WireStatus(429, TRY_LATER),
    errors.QueueFull: WireStatus(503, TRY_LATER),
    errors.ShuttingDown: WireStatus(503, RESTART),
    errors.StorageUnavailable: WireStatus(503, TRY_LATER),
    errors.EngineStalled: WireStatus(503, TRY_LATER),
    errors.ServerError: WireStatus(500, INTERNAL),
    errors.InternalError: WireStatus(500, INTERNAL),
    errors.EngineError: WireStatus(500, INTERNAL),
    errors.DeviceUnavailable: WireStatus(503, INTERNAL),
    errors.OutOfMemory: WireStatus(500, INTERNAL),
    errors.WeightsError: WireStatus(503, INTERNAL),
}


def wire_status(error: errors.DuostyleError) -> WireStatus:
    """The status of this error's own class. Raises KeyError when the table lacks it, which a test rules out."""
    return _TABLE[type(error)]


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
    return wire_status(error).http, headers, json.dumps({"error": error.as_dict()}).encode()

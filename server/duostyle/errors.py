"""Every error that duostyle raises on purpose, as one tree split by what the caller can do about it.

DuostyleError
├── RequestError            the caller can correct the request
│   ├── BadRequest          bad_request: a field is missing, of the wrong type, out of range or unknown
│   ├── ImageError          the picture itself
│   │   ├── ImageTooLarge       image_too_large: too many bytes or too many pixels
│   │   ├── UnsupportedFormat   unsupported_format: not one of the allowed formats
│   │   └── CorruptImage        corrupt_image: the bytes do not decode
│   ├── NotFound            not_found: no such job, image or address
│   ├── MethodNotAllowed    method_not_allowed: the address exists, but not with this method
│   ├── Unauthorized        unauthorized: a token is needed
│   ├── Forbidden           forbidden: the wrong job key, Host or Origin
│   ├── NotFinished         not_finished: the job has no result yet
│   ├── Superseded          superseded: a newer request of the same socket took its place
│   └── NotAvailable        not_available: known to the contract, not offered by this server
├── BusyError               the same request may pass later
│   ├── TooManyJobs         too_many_jobs: this client has as many jobs waiting as it may
│   ├── TooManyRequests     too_many_requests: rate or connection limit
│   ├── QueueFull           queue_full: the whole queue is full
│   ├── ShuttingDown        shutting_down: the server is shutting down
│   ├── StorageUnavailable  storage_unavailable: the data folder cannot be written now: full, read-only or gone
│   └── EngineStalled       engine_stalled: the engine has made no step for too long
└── ServerError             the caller can do nothing but report it
    ├── InternalError       internal: a bug; details are in the server's log only
    ├── EngineError         engine_failed: the optimisation could not continue
    ├── DeviceUnavailable   device_unavailable: the engine's device is not there, or this PyTorch cannot use it
    ├── OutOfMemory         out_of_memory: the picture does not fit into memory
    └── WeightsError        weights_unavailable: feature weights are missing or damaged
"""

from __future__ import annotations

from typing import Any, ClassVar


class DuostyleError(Exception):
    """Base of the tree.

    `message` is one plain sentence for a person. `field` is the path of the offending field (`params.size`),
    `limit` what is allowed and `got` what came; all three are JSON-serialisable or None. `reached` is the name of the
    limit that was reached, as `GET /api/limits` names it.
    """

    code: ClassVar[str] = "internal"

    def __init__(
        self, message: str, *, field: str | None = None, limit: Any = None, got: Any = None, reached: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.limit = limit
        self.got = got
        self.reached = reached

    def as_dict(self) -> dict[str, Any]:
        """The wire form: `{code, message, field?, limit?, got?, reached?}`, absent where unknown."""
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        for name in ("field", "limit", "got", "reached"):
            value = getattr(self, name)
            if value is not None:
                body[name] = value
        return body


class RequestError(DuostyleError):
    code = "bad_request"


class BadRequest(RequestError):
    code = "bad_request"


class ImageError(RequestError):
    code = "corrupt_image"


class ImageTooLarge(ImageError):
    code = "image_too_large"


class UnsupportedFormat(ImageError):
    code = "unsupported_format"


class CorruptImage(ImageError):
    code = "corrupt_image"


class NotFound(RequestError):
    code = "not_found"


class MethodNotAllowed(RequestError):
    code = "method_not_allowed"


class Unauthorized(RequestError):
    code = "unauthorized"


class Forbidden(RequestError):
    code = "forbidden"


class NotFinished(RequestError):
    code = "not_finished"


class Superseded(RequestError):
    code = "superseded"


class NotAvailable(RequestError):
    code = "not_available"


class BusyError(DuostyleError):
    code = "queue_full"


class TooManyJobs(BusyError):
    code = "too_many_jobs"


class TooManyRequests(BusyError):
    code = "too_many_requests"


class QueueFull(BusyError):
    code = "queue_full"


class ShuttingDown(BusyError):
    code = "shutting_down"


class StorageUnavailable(BusyError):
    code = "storage_unavailable"


class EngineStalled(BusyError):
    code = "engine_stalled"


class ServerError(DuostyleError):
    code = "internal"


class InternalError(ServerError):
    code = "internal"


class EngineError(ServerError):
    code = "engine_failed"


class DeviceUnavailable(ServerError):
    code = "device_unavailable"


class OutOfMemory(ServerError):
    code = "out_of_memory"

    def __init__(
        self, message: str = "the picture does not fit into memory; choose a smaller size", **details: Any
    ) -> None:
        super().__init__(message, **details)


class WeightsError(ServerError):
    code = "weights_unavailable"

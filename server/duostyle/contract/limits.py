"""Every limit that a client can run into, for `GET /api/limits` and the socket's `hello`."""

from __future__ import annotations

from typing import Any

from duostyle.imaging import decode as images
from duostyle.imaging import formats
from duostyle.params import MAX_STYLES
from duostyle.settings import Settings

# Messages of one socket that wait for their turn.
MAX_WAITING = 64

_NAMES = (
    "max_size_px",
    "max_upload_bytes",
    "max_inflight_bytes",
    "max_uploads",
    "max_uploads_per_client",
    "max_pixels",
    "max_queue",
    "max_jobs_per_client",
    "max_sockets",
    "max_sockets_per_client",
    "max_connections",
    "max_connections_per_client",
    "max_subscriptions",
    "max_message_bytes",
    "max_messages_per_s",
    "max_requests_per_s",
    "max_frame_px",
    "max_fps",
    "max_window",
    "progress_per_s",
    "heartbeat_s",
    "pong_timeout_s",
    "send_timeout_s",
    "timelapse_frames",
    "timelapse_px",
    "keep_days",
    "keep_jobs",
)


def setting_names() -> tuple[str, ...]:
    """The settings that limit a client."""
    return _NAMES


def limits(settings: Settings) -> dict[str, Any]:
    """The settings that limit a client, by their names, and what is fixed."""
    fixed = {
        "max_styles": MAX_STYLES,
        "max_side_px": images.MAX_SIDE_PX,
        "max_waiting_messages": MAX_WAITING,
        "formats": list(formats.FORMATS),
    }
    return {name: getattr(settings, name) for name in _NAMES} | fixed

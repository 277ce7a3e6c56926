"""Every setting of the server: name, unit, default, help; from the environment (prefix DUOSTYLE_) or the options."""

from __future__ import annotations

import argparse
import ipaddress
import re
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from duostyle.errors import BadRequest

_MIN_TOKEN_CHARS = 16


def _limit(default: Any, **constraints: Any) -> Any:
    """A setting that limits clients: `GET /api/limits` shows it."""
    return Field(default, json_schema_extra={"limit": True}, **constraints)


class Settings(BaseSettings):
    """Settings of one server, read once at start. Lists are JSON in the environment and comma-separated on the
    command line."""

    model_config = SettingsConfigDict(env_prefix="DUOSTYLE_", frozen=True, extra="ignore", allow_inf_nan=False)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("duostyle")),
        description="Folder for uploads, jobs and results.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Where the engine computes.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="Numbers the network computes with on the CPU; auto takes what was measured to be quicker."
    )
    threads: int = Field(0, ge=0, le=1024, description="Engine threads on the CPU; 0 uses all cores.")
    memory_budget_mb: int = Field(
        0,
        ge=0,
        le=2**20,
        description="Memory for one evaluation in MB; larger pictures are tiled; 0 uses half of all memory.",
    )
    weights: Literal["vgg16", "vgg19"] = Field(
        "vgg16", description="Feature network: the bundled vgg16, or vgg19, which torchvision downloads on first use."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The lowest level that is logged."
    )
    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="Format of the log; auto: text on a terminal, JSON elsewhere."
    )

    allowed_hosts: list[str] = Field(
        default_factory=list,
        description="Host names the server answers to, besides localhost and the address it listens on; * for any.",
    )
    allowed_origins: list[str] = Field(
        default_factory=list,
        description="Web origins (https://example.org) that may use the server, besides its own page.",
    )
    frame_ancestors: list[str] = Field(
        default_factory=list,
        description="Web origins whose pages may show this one in a frame; self for its own.",
    )
    token: str | None = Field(
        None,
        description=(
            "When set, every request needs it (Authorization: Bearer or ?token=), except those for the page, its "
            "static files, /livez and /readyz. At least 16 characters; each of several, separated by commas, counts as "
            "one client."
        ),
    )
    no_token: bool = Field(
        False,
        description="Listen on addresses other than this machine's own without a token: anyone may use the server.",
    )
    trusted_proxy: list[str] = Field(
        default_factory=list,
        description=(
            "Addresses or networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted; * for any."
        ),
    )

    # two cores paint this in less than ten minutes, whatever numbers they compute with: docs/performance.md
    max_size_px: int = _limit(3072, ge=64, le=8192, description="Longest side of a painting in px.")
    max_upload_bytes: int = _limit(32 * 2**20, ge=1024, description="Largest upload in bytes.")
    max_inflight_bytes: int = _limit(
        256 * 2**20,
        ge=2**16,
        description="Maximum bytes of uploads being received or checked at once, from all clients.",
    )
    max_uploads: int = _limit(64, ge=1, le=10_000, description="Maximum number of uploads at once, from all clients.")
    # a class behind one address is one client: thirty visitors at once, each with its painting
    max_uploads_per_client: int = _limit(
        32, ge=1, le=10_000, description="Maximum number of uploads at once from one client."
    )
    max_pixels: int = _limit(
        250_000_000,
        ge=4096,
        description="Maximum number of pixels of an uploaded picture; less where its kind cannot be reduced while it "
        "is decoded.",
    )
    max_queue: int = _limit(64, ge=1, le=10_000, description="Maximum number of jobs waiting, from all clients.")
    max_jobs_per_client: int = _limit(
        32, ge=1, le=10_000, description="Maximum number of unfinished jobs from one client."
    )
    max_sockets: int = _limit(512, ge=1, description="Maximum number of WebSockets open at once.")
    max_sockets_per_client: int = _limit(64, ge=1, description="Maximum number of WebSockets from one client.")
    max_connections: int = _limit(
        512, ge=1, description="Maximum number of HTTP connections open at once, besides the WebSockets."
    )
    max_connections_per_client: int = _limit(
        256,
        ge=1,
        description="Maximum number of HTTP connections from one address; not applied behind a trusted proxy.",
    )
    max_subscriptions: int = _limit(16, ge=1, le=1000, description="Maximum number of jobs watched on one WebSocket.")
    max_message_bytes: int = _limit(64 * 2**10, ge=1024, description="Largest WebSocket message from a client.")
    max_messages_per_s: int = _limit(100, ge=1, description="WebSocket messages a client may send per second.")
    max_requests_per_s: int = _limit(
        300, ge=1, description="Requests a client may send per second, twice as many in one burst."
    )
    max_frame_px: int = _limit(2048, ge=64, le=8192, description="Longest side of a live frame in px.")
    max_fps: float = _limit(10.0, gt=0, le=60, description="Maximum frames per second for one watcher.")
    max_window: int = _limit(4, ge=1, le=4, description="Maximum number of frames a watcher may leave unacknowledged.")
    progress_per_s: float = _limit(
        10.0, gt=0, le=60, description="Maximum progress messages per second for one watcher."
    )

    heartbeat_s: float = _limit(20.0, gt=0, le=600, description="Seconds between WebSocket pings.")
    pong_timeout_s: float = _limit(
        10.0, gt=0, le=600, description="Seconds after which a client that does not answer a ping is dropped."
    )
    send_timeout_s: float = _limit(
        30.0, gt=0, le=600, description="Seconds after which a client that reads nothing is dropped."
    )
    shutdown_grace_s: float = Field(
        5.0, ge=1, le=600, description="Maximum seconds from the signal to the end of the process."
    )
    timelapse_frames: int = _limit(
        120, ge=0, le=1000, description="Maximum number of frames of a job's time-lapse; 0 records none."
    )
    timelapse_px: int = _limit(512, ge=64, le=2048, description="Longest side of a time-lapse in px.")
    timelapse_bytes: int = Field(8 * 2**20, ge=2**20, description="Maximum bytes of the frames of a job's time-lapse.")
    stall_s: float = Field(
        120.0,
        gt=0,
        le=86_400,
        description="Seconds without an evaluation after which the engine is stalled; large pictures get longer.",
    )
    checkpoint_s: float = Field(10.0, gt=0, le=3600, description="Seconds of painting that a crash may cost at most.")
    checkpoint_evaluations: int = Field(25, ge=1, le=5000, description="Evaluations that a crash may cost at most.")
    keep_days: float = _limit(30.0, gt=0, description="Days that ended jobs are kept.")
    keep_uploads_days: float = _limit(1.0, gt=0, description="Days that uploads which no job uses are kept.")
    keep_jobs: int = _limit(10_000, ge=1, description="Maximum number of ended jobs kept.")
    max_store_bytes: int = Field(20 * 2**30, ge=2**20, description="Maximum bytes of pictures and time-lapses kept.")

    @field_validator("token")
    @classmethod
    def _tokens_are_long(cls, token: str | None) -> str | None:
        if token is not None and any(len(part) < _MIN_TOKEN_CHARS for part in _tokens_in(token)):
            raise ValueError(f"a token needs at least {_MIN_TOKEN_CHARS} characters")
        return token

    @field_validator("allowed_origins")
    @classmethod
    def _origins_are_origins(cls, origins: list[str]) -> list[str]:
        for origin in origins:
            # browsers send scheme, host and port, and nothing behind them: anything else would never match
            if not re.fullmatch(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", origin):
                raise ValueError("an origin such as https://example.org is expected, in lower case and without a path")
        return origins

    @field_validator("frame_ancestors")
    @classmethod
    def _ancestors_are_origins(cls, ancestors: list[str]) -> list[str]:
        for ancestor in ancestors:
            # they become part of a header, where a semicolon or a space would begin something else
            if ancestor != "self" and not re.fullmatch(r"https?://[A-Za-z0-9.*:\[\]-]+", ancestor):
                raise ValueError("an origin such as https://example.org is expected, or self")
        return ancestors

    @field_validator("trusted_proxy")
    @classmethod
    def _proxies_are_addresses(cls, proxies: list[str]) -> list[str]:
        for proxy in proxies:
            if proxy != "*":
                ipaddress.ip_network(proxy)
        return proxies

    @property
    def tokens(self) -> tuple[str, ...]:
        """Every token that opens the server; empty when no token is needed."""
        return () if self.token is None else tuple(_tokens_in(self.token))

    @property
    def limits(self) -> dict[str, Any]:
        """The settings that limit a client, by name."""
        return {name: getattr(self, name) for name, field in type(self).model_fields.items() if field.json_schema_extra}

    @property
    def state_dir(self) -> Path:
        """Where the data lives, with `~` resolved."""
        return self.data_dir.expanduser()

    @property
    def kernel_dir(self) -> Path:
        """Where the engine stores which kernels are the fastest."""
        return self.state_dir / "kernels"


def _tokens_in(token: str) -> list[str]:
    return [part.strip() for part in token.split(",")]


def add_arguments(parser: argparse.ArgumentParser, names: tuple[str, ...] | None = None) -> None:
    """Add one option per setting (or per named setting) to `parser`; an option left out stays unset."""
    for name, field in Settings.model_fields.items():
        if names is not None and name not in names:
            continue
        option = "--" + name.replace("_", "-")
        help = str(field.description).replace("%", "%%")
        if field.annotation is bool:
            parser.add_argument(option, dest=name, default=argparse.SUPPRESS, action="store_true", help=help)
            continue
        default = "" if field.default_factory or field.default is None else f" (default {field.default})"
        metavar = name.rsplit("_", 1)[-1].upper()
        parser.add_argument(option, dest=name, default=argparse.SUPPRESS, metavar=metavar, help=help + default)


def load_settings(options: dict[str, Any] | None = None) -> Settings:
    """Settings from `options` (as the command line gives them: strings), else the environment, else the defaults.

    Raises BadRequest naming the setting, what came and why it is not allowed.
    """
    values: dict[str, Any] = {}
    for name, value in (options or {}).items():
        field = Settings.model_fields.get(name)
        if field is not None and field.annotation == list[str] and isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        values[name] = value
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        got = "" if name == "token" else f", got {str(first.get('input'))[:80]!r}"
        raise BadRequest(f"setting {name.replace('_', '-')}: {first['msg']}{got}", field=name) from None


def describe_settings() -> list[dict[str, Any]]:
    """One row per setting: `name`, `env`, `default`, `help`; the source of docs/settings.md."""
    return [
        {
            "name": name,
            "env": f"DUOSTYLE_{name.upper()}",
            "default": None if field.default_factory is not None else field.default,
            "help": field.description,
        }
        for name, field in Settings.model_fields.items()
    ]

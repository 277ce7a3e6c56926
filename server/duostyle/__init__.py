"""duostyle: a real-time server for neural style transfer with one, two or more styles."""

from __future__ import annotations

import importlib.metadata


def version() -> str:
    """The installed version; "unknown" when the code runs from a folder without being installed."""
    try:
        return importlib.metadata.version("duostyle")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"

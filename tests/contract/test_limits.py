"""A client learns every limit it can run into, and nothing that is not its business."""

from __future__ import annotations

import json

from duostyle.contract.limits import limits
from duostyle.settings import Settings


def test_every_maximum_is_told() -> None:
    told = limits(Settings())
    missing = {name for name in Settings.model_fields if name.startswith("max_")} - told.keys()
    assert missing == {"max_store_bytes"}
    assert (told["max_styles"], told["formats"][0]) == (4, "jpeg")
    json.dumps(told, allow_nan=False)


def test_secrets_are_not() -> None:
    assert not limits(Settings()).keys() & {"token", "data_dir", "host", "allowed_hosts", "allowed_origins"}

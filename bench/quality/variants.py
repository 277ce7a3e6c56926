"""Named sets of parameters, written as the options of `duostyle paint`."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from duostyle.cli.options import add_options, read_options
from duostyle.errors import BadRequest
from duostyle.params import parse_params

LARGEST_PX = 8192


@dataclass(frozen=True)
class Variant:
    """`params` as a client gives them."""

    name: str
    params: dict[str, Any]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadRequest(message)


def read_variants(texts: Sequence[str]) -> list[Variant]:
    """`"gram --style-loss gram"`: a name, then options. Raises SystemExit for what is not allowed, or a name twice."""
    variants = [read_variant(text) for text in texts]
    names = [variant.name for variant in variants]
    if len(set(names)) < len(names):
        raise SystemExit(f"two variants have the same name: {', '.join(names)}")
    return variants


def read_variant(text: str) -> Variant:
    """One of `read_variants`."""
    name, *words = shlex.split(text) or [""]
    if not name or name.startswith("-"):
        raise SystemExit(f"variant {text!r} begins with a name: 'gram --style-loss gram'")
    parser = _Parser(add_help=False, allow_abbrev=False)
    add_options(parser)
    try:
        params = read_options(vars(parser.parse_args(words)))
        parse_params(params, styles=1, max_size_px=LARGEST_PX)
    except BadRequest as error:
        raise SystemExit(f"variant {name}: {error.message}") from None
    return Variant(name, params)

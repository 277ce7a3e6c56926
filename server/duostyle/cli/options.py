"""Options that several commands share: pictures, one option per parameter, the server, settings."""

from __future__ import annotations

import argparse
import csv
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic_settings import SettingsError

from duostyle.cli.progress import MODES
from duostyle.errors import BadRequest
from duostyle.params import MASK_MODES, allowed_text, describe_params
from duostyle.picture import USUAL_DPI, Depth
from duostyle.settings import Settings, load_settings

DEFAULT_SERVER = "http://127.0.0.1:8000"
SIZE_HELP = ", or native: the picture's own"
# of parameters that name files here, and image ids on the wire
_FILES_HELP = {
    "masks": (
        "a mode, or for each style a grey picture file or - for none, separated by commas; "
        "repeat the option for a file whose name has a comma"
    ),
    "protect": "person, background or a grey picture file",
}


def add_pictures(parser: argparse.ArgumentParser, *, many: bool = False) -> None:
    """Add CONTENT, `--style` and `--output`; they become `content`, `styles` (one or more) and `output`, all paths.

    With `many` there are one or more `contents`, and either `output` or `out_dir`; the other one is None.
    """
    if many:
        parser.add_argument(
            "contents",
            type=Path,
            nargs="+",
            metavar="CONTENT",
            help="the picture to paint; several with --out-dir, and folders for all pictures in them",
        )
    else:
        parser.add_argument("content", type=Path, metavar="CONTENT", help="the picture to paint")
    folders = ", or a folder whose pictures make up one style" if many else ""
    parser.add_argument(
        "--style",
        dest="styles",
        type=Path,
        action="append",
        required=True,
        metavar="FILE",
        help=f"a picture to take the style from{folders}; can be given up to four times",
    )
    output = parser.add_mutually_exclusive_group(required=True)
    output.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        help="the file to write; its extension selects PNG, JPEG, WebP or TIFF",
    )
    if many:
        output.add_argument(
            "--out-dir",
            type=Path,
            metavar="DIR",
            help="the folder for the paintings, as PNG under their contents' names",
        )


def add_print(parser: argparse.ArgumentParser) -> None:
    """Add `--depth`, which becomes a number or None, and `--dpi`."""
    parser.add_argument(
        "--depth",
        type=int,
        choices=get_args(Depth),
        help="bits per channel of the file: 16 as PNG or TIFF (default 16 for TIFF, else 8)",
    )
    parser.add_argument(
        "--dpi",
        type=int,
        default=USUAL_DPI,
        metavar="N",
        help=f"pixels per inch, which the file says to printers (default {USUAL_DPI})",
    )


def add_options(parser: argparse._ActionsContainer) -> None:
    """Add `--style-weight` and the like to `parser`; an option left out stays unset, its values are texts."""
    for row in describe_params():
        name = row["name"]
        allowed = _FILES_HELP.get(name) or allowed_text(name) + (SIZE_HELP if name == "size" else "")
        default = "" if row["default"] is None else f", default {row['default']}"
        parser.add_argument(
            "--" + name.replace("_", "-"),
            dest=name,
            action="append",
            default=argparse.SUPPRESS,
            metavar="VALUE",
            help=f"{row['help']} ({allowed}{default})".replace("%", "%%"),
        )


def add_server(parser: argparse.ArgumentParser) -> None:
    """Add `--server` and `--token`."""
    parser.add_argument(
        "--server", default=DEFAULT_SERVER, metavar="URL", help=f"address of the server (default {DEFAULT_SERVER})"
    )
    parser.add_argument(
        "--token",
        default=os.environ.get("DUOSTYLE_TOKEN"),
        metavar="TOKEN",
        help="the server's token (default: the environment variable DUOSTYLE_TOKEN)",
    )


def add_progress(parser: argparse.ArgumentParser) -> None:
    """Add `--progress`."""
    parser.add_argument("--progress", choices=MODES, default="auto", help="how to show progress (default auto)")


def join_values(argv: Sequence[str]) -> list[str]:
    """`--masks -,sky.png` and `--style-mix -1,2` as `--masks=-,sky.png`: argparse would take the values for options."""
    joined: list[str] = []
    for text in argv:
        if joined and joined[-1].startswith("--") and "=" not in joined[-1] and re.match(r"-[\d.,]", text):
            joined[-1] += "=" + text
        else:
            joined.append(text)
    return joined


def read_settings(arguments: argparse.Namespace) -> Settings:
    """The settings among the arguments, else those of the environment. Raises BadRequest."""
    given = {name: value for name, value in vars(arguments).items() if name in Settings.model_fields}
    try:
        return load_settings(given)
    except SettingsError as error:
        raise BadRequest(f"environment: {error}") from None


def read_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters among `options` (parameter name -> the texts given for it), each of its own type.

    A text that is not of the type stays a text, so that `parse_params` says what is wrong with it. Lists come
    separated by commas, as repeated options or both; of a plain value that is repeated the last one counts. `masks`
    becomes a mode or a list of file names and None; a text that names an existing file is one name, commas or not.
    Raises BadRequest for a layer weight that is not NAME=NUMBER.
    """
    params: dict[str, Any] = {}
    for row in describe_params():
        name = row["name"]
        if name in options:
            params[name] = _value(name, row["schema"], options[name])
    return params


def _value(name: str, schema: Mapping[str, Any], texts: Sequence[str]) -> Any:
    branches = {branch.get("type"): branch for branch in schema.get("anyOf", [schema])}
    parts = [part.strip() for text in texts for part in text.split(",")]
    if name == "masks":
        parts = [part for text in texts for part in _names(text)]
        if len(parts) == 1 and parts[0] in MASK_MODES:
            return parts[0]
        return [None if part == "-" else part for part in parts]
    if "object" in branches:
        return dict(_pair(name, part) for part in parts)
    if "array" in branches and (len(parts) > 1 or "number" not in branches):
        return [_number(part, float) for part in parts]
    if "number" in branches:
        return _number(texts[-1], float)
    return _number(texts[-1], int) if "integer" in branches else texts[-1]


def _names(text: str) -> list[str]:
    """File names separated by commas; one that has a comma itself is given alone, or in quotes as in CSV."""
    if Path(text).is_file():
        return [text]
    return [name.strip() for row in csv.reader([text], skipinitialspace=True) for name in row]


def _pair(name: str, part: str) -> tuple[str, Any]:
    key, equals, value = part.partition("=")
    if not equals:
        raise BadRequest(f"{name}: each weight must be LAYER=NUMBER", limit="relu1_1=0.4,relu2_1=0.25", got=part[:80])
    return key.strip(), _number(value, float)


def _number(text: str, kind: type[int] | type[float]) -> Any:
    try:
        return kind(text)
    except ValueError:
        return text

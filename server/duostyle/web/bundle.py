"""Joins the page's modules and style sheets into one file each, so that a first view is a handful of requests.

Whoever edits the page edits plain ES modules and sheets; they are joined when they are served. The linker knows as much
of the language as the page uses: named imports, and exports of declarations, each at the beginning of a line. Every
module becomes a function that is called once, in the order of the imports, and returns what the module exports. Lines
stay as they are, and a source map says where each came from.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

_IMPORT = re.compile(r"""^import\s+(?:\{([^}]*)\}\s*from\s*)?["']([^"']+)["'];?""", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) +(\w+))", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/|^\s*//[^\n]*$", re.MULTILINE | re.DOTALL)
# what would mean something else inside a function, looked for in the text without comments
_FOREIGN = re.compile(r"^\s*(?:import|export)\b.*|\bimport\s*[.(].*|^(?=\S)(?!.*\basync\b).*\bawait\b.*", re.MULTILINE)
_FOREIGN_IN_SHEET = re.compile(r"@import|@charset|\burl\(")
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


class BundleError(Exception):
    """A file uses what cannot be joined, or imports what is not there; the message names it."""


@dataclass(slots=True)
class Joined:
    """A file made of several: its lines, each with the file and line (from 0) that it came from, or None."""

    lines: list[str] = field(default_factory=list)
    origins: list[tuple[str, int] | None] = field(default_factory=list)

    def add(self, line: str) -> None:
        self.lines.append(line)
        self.origins.append(None)

    def add_file(self, name: str, text: str) -> None:
        for number, line in enumerate(text.rstrip("\n").split("\n")):
            self.lines.append(line)
            self.origins.append((name, number))

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)

    def source_map(self, root: str) -> str:
        """Version 3 of the source map format, one segment a line. `root` is put before the names of the files."""
        names = list(dict.fromkeys(origin[0] for origin in self.origins if origin is not None))
        index = {name: number for number, name in enumerate(names)}
        mappings, source, line = [], 0, 0
        for origin in self.origins:
            if origin is None:
                mappings.append("")
                continue
            # column here, file, line and column there; all but the first relative to the segment before
            mappings.append("".join(map(_vlq, (0, index[origin[0]] - source, origin[1] - line, 0))))
            source, line = index[origin[0]], origin[1]
        return json.dumps(
            {"version": 3, "sources": [root + name for name in names], "names": [], "mappings": ";".join(mappings)}
        )


def join_modules(entry: str, files: Mapping[str, str], *, apart: Collection[str] = ()) -> Joined:
    """The module `entry` with all that it imports, in one module that exports the same.

    `files` are the texts of all modules by path. The modules in `apart` are imported from where they are, as the joined
    module stands beside `entry`. Raises BundleError.
    """
    order = _in_order(entry, files, apart)
    variables = {name: f"module_{number}" for number, name in enumerate(order)}
    joined = Joined()
    for name in order:
        if name in apart:
            path = posixpath.relpath(name, posixpath.dirname(entry))
            joined.add(f'import * as {variables[name]} from "./{path}";')
    for name in order:
        if name in apart:
            continue
        text = _as_function_body(name, files, variables)
        joined.add(f"const {variables[name]} = (() => {{")
        joined.add_file(name, text)
        joined.add(f"return {{ {', '.join(_EXPORT.findall(files[name]))} }};")
        joined.add("})();")
    if exported := _EXPORT.findall(files[entry]):
        joined.add(f"export const {{ {', '.join(exported)} }} = {variables[entry]};")
    return joined


def join_sheets(names: Iterable[str], files: Mapping[str, str]) -> Joined:
    """Style sheets one after the other. Raises BundleError."""
    joined = Joined()
    for name in names:
        if name not in files:
            raise BundleError(f"{name} is not there")
        if _FOREIGN_IN_SHEET.search(files[name]):
            raise BundleError(f"{name} refers to another file")
        joined.add_file(name, files[name])
    return joined


def _imports(name: str, text: str) -> list[str]:
    folder = posixpath.dirname(name)
    return [posixpath.normpath(posixpath.join(folder, found[2])) for found in _IMPORT.finditer(text)]


def _in_order(entry: str, files: Mapping[str, str], apart: Collection[str]) -> list[str]:
    """`entry` and all that it needs, each after what it imports, as a browser would evaluate them."""
    order: list[str] = []
    entered: set[str] = set()

    def visit(name: str, importer: str) -> None:
        if name in order:
            return
        if name in entered:
            raise BundleError(f"{name} and {importer} import each other")
        if name not in files:
            raise BundleError(f"{importer} imports {name}, which is not there")
        entered.add(name)
        if name not in apart:
            for other in _imports(name, files[name]):
                visit(other, name)
        order.append(name)

    visit(entry, "the page")
    return order


def _as_function_body(name: str, files: Mapping[str, str], variables: Mapping[str, str]) -> str:
    """The module with its imports as constants and its exports as mere declarations, in as many lines as before."""
    targets = iter(_imports(name, files[name]))

    def constants(found: re.Match[str]) -> str:
        target = next(targets)
        wanted = [part.split() for part in (found[1] or "").split(",") if part.strip()]
        if missing := {words[0] for words in wanted} - set(_EXPORT.findall(files[target])):
            raise BundleError(f"{name} imports {', '.join(sorted(missing))}, which {target} does not export")
        names = ", ".join(words[0] if len(words) == 1 else f"{words[0]}: {words[-1]}" for words in wanted)
        return (f"const {{ {names} }} = {variables[target]};" if names else "") + "\n" * found[0].count("\n")

    body = _EXPORT.sub("", _IMPORT.sub(constants, files[name]))
    foreign = _FOREIGN.search(_COMMENT.sub("", body))
    if foreign is not None:
        raise BundleError(f"{name} cannot be joined: {foreign[0].strip()[:60]}")
    return body


def _vlq(value: int) -> str:
    rest = (-value << 1) | 1 if value < 0 else value << 1
    digits = ""
    while True:
        rest, digit = rest >> 5, rest & 31
        digits += _BASE64[digit | 32 if rest else digit]
        if not rest:
            return digits

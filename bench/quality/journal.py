"""Results as JSON lines, written as they come, so that a long benchmark can be stopped and taken up again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


class Journal:
    """One object a line in `path`; without a path it keeps them in memory only. A last line cut short is ignored."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.rows: list[dict[str, Any]] = []
        if path is not None and path.exists():
            self.rows = list(_whole_lines(path))
            # written anew: the next line must not be glued to half a one
            path.write_text("".join(json.dumps(row) + "\n" for row in self.rows))

    def find(self, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """The first row that has all of `key`."""
        return next((row for row in self.rows if all(row.get(name) == key[name] for name in key)), None)

    def add(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Keep a row, on disk at once; the row as it would be read back."""
        line = json.dumps(row)
        kept: dict[str, Any] = json.loads(line)
        self.rows.append(kept)
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(line + "\n")
        return kept


def _whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text("utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue

"""Many contents on one command line: which pictures they are, and the files that they are painted to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from duostyle.cli.files import check_folder, pictures_in
from duostyle.errors import BadRequest

_EXTENSION = ".png"


def find_contents(given: Iterable[Path]) -> list[Path]:
    """The pictures that the paths name, those of folders by name. Raises BadRequest for a folder without any."""
    found: list[Path] = []
    for path in given:
        found += pictures_in(path) if path.is_dir() else [path]
    return found


def name_outputs(contents: Sequence[Path], folder: Path, inputs: Iterable[Path]) -> list[Path]:
    """A file in `folder` for each content, named after it; where two would have the same name, or one that of a file
    among `inputs`, a number is added. The folder is made when it is missing.

    Raises BadRequest when it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadRequest(f"cannot write to folder {folder}: {error.strerror}") from None
    check_folder(folder)
    folder = folder.resolve()
    kept = {path.resolve() for path in inputs}
    # some systems do not tell A from a
    taken: set[str] = set()
    outputs: list[Path] = []
    for content in contents:
        number, name = 1, content.stem
        while name.casefold() in taken or folder / (name + _EXTENSION) in kept:
            number += 1
            name = f"{content.stem}-{number}"
        taken.add(name.casefold())
        outputs.append(folder / (name + _EXTENSION))
    return outputs

"""Searches every file of a run for secrets, and names the place of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kuryr_runbook.clients.files import MOST_OF_RUN, read_bytes
from kuryr_runbook.model.documents import parse_json
from kuryr_runbook.model.errors import FileError, RecordError
from kuryr_runbook.model.secrets import KnownSecrets


@dataclass(frozen=True, slots=True)
class Leak:
    """A secret in a file, without any part of the secret itself."""

    file: str
    """Path below the directory of the run."""
    place: str
    """The cell, the path of the value, or the line."""
    what: str

    def __str__(self) -> str:
        return f"{self.file}, {self.place}: {self.what}"


def refuse_leaks(directory: Path, secrets: KnownSecrets) -> None:
    """Raise RecordError when a file below the directory contains a secret."""
    leaks = list(find_leaks(directory, secrets))
    if leaks:
        raise RecordError(
            "\n  ".join(
                ["no record was made, because these files contain secrets:", *map(str, leaks)]
            ),
            remedy=f"find out what printed the secret and stop it, then delete {directory}; "
            "replace the secret if others could read the directory",
        )


def find_leaks(directory: Path, secrets: KnownSecrets) -> Iterator[Leak]:
    """Every secret in the files below the directory, and in their names."""
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        name = str(path.relative_to(directory))
        yield from (Leak("a file", "its name", what) for what in secrets.found_in(name))
        text = read_bytes(path, "file of a run", most=MOST_OF_RUN).decode(errors="replace")
        whole = secrets.found_in(text)
        parts = _json_parts(path, text)
        if parts is None:
            # Lines only serve to locate what was found in the whole text.
            parts = _lines(text) if whole else ()
        placed = [
            Leak(name, place, what) for place, part in parts for what in secrets.found_in(part)
        ]
        yield from dict.fromkeys(placed)
        # Secrets that only the whole file shows, for example across several lines.
        seen = {leak.what for leak in placed}
        yield from (Leak(name, "the file as a whole", what) for what in whole if what not in seen)


def _json_parts(path: Path, text: str) -> Iterable[tuple[str, str]] | None:
    """The texts in a JSON file, each with its place; None if it is not JSON."""
    if path.suffix not in (".ipynb", ".json"):
        return None
    try:
        content = parse_json(text, path.name)
    except FileError:
        return None
    if isinstance(content, dict) and path.suffix == ".ipynb":
        return _of_notebook(content)
    return _texts(content, "")


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        yield f"line {number}", line


def _of_notebook(notebook: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for number, cell in enumerate(notebook.get("cells", ()), start=1):
        place = f"cell {number} ({cell.get('id', 'without id')})"
        # Notebooks store a text as a list of its lines.
        yield from ((place, text) for _, text in _texts(cell, "", joined=True))
    rest = {key: value for key, value in notebook.items() if key != "cells"}
    yield from _texts(rest, "")


def _texts(value: Any, path: str, *, joined: bool = False) -> Iterator[tuple[str, str]]:
    match value:
        case str():
            yield path or "the value", value
        case dict():
            for key, item in value.items():
                yield path or "the keys", key
                yield from _texts(item, f"{path}.{key}" if path else key, joined=joined)
        case list() if joined and value and all(isinstance(item, str) for item in value):
            yield path, "".join(value)
        case list():
            for number, item in enumerate(value):
                yield from _texts(item, f"{path}.{number}" if path else str(number), joined=joined)

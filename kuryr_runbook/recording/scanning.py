"""Search every file of a run for secrets, and name the place where one stands."""

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
    """A secret in a file; nothing of the secret itself."""

    file: str
    """Path below the directory of the run."""
    place: str
    """Cell, path of the value, or line."""
    what: str

    def __str__(self) -> str:
        return f"{self.file}, {self.place}: {self.what}"


def refuse_leaks(directory: Path, secrets: KnownSecrets) -> None:
    """Raise RecordError when a file below the directory holds a secret."""
    leaks = list(find_leaks(directory, secrets))
    if leaks:
        raise RecordError(
            "\n  ".join(["no record is made of files that hold secrets:", *map(str, leaks)]),
            remedy=f"delete {directory} when you have looked into it, take the secret out of what "
            "printed it, and replace the secret if others could read the directory",
        )


def find_leaks(directory: Path, secrets: KnownSecrets) -> Iterator[Leak]:
    """Every secret in every file below the directory, in the files' names too."""
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        name = str(path.relative_to(directory))
        yield from (Leak("a file", "its name", what) for what in secrets.found_in(name))
        text = read_bytes(path, "file of a run", most=MOST_OF_RUN).decode(errors="replace")
        whole = secrets.found_in(text)
        parts = _json_parts(path, text)
        if parts is None:
            # Lines only tell the place of what is known to be there.
            parts = _lines(text) if whole else ()
        placed = [
            Leak(name, place, what) for place, part in parts for what in secrets.found_in(part)
        ]
        yield from dict.fromkeys(placed)
        # What only the file as a whole shows, such as a text that goes over several lines.
        seen = {leak.what for leak in placed}
        yield from (Leak(name, "the file as a whole", what) for what in whole if what not in seen)


def _json_parts(path: Path, text: str) -> Iterable[tuple[str, str]] | None:
    """The texts in a JSON file, each with its place; None when it is none."""
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
        # The lines of a text are kept one by one.
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

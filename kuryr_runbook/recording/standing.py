"""What is in the directories where runs are kept: runs, their index pages, and anything else.

A place is the directory of a run, of a site's runs, or of several sites' runs. Everything in it is
accounted for: whatever is neither a run nor known to belong there is a stray.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kuryr_runbook.recording.statement import RECORD

ACCOUNT = "run.json"
"""A run's own account, which identifies a run that has no record."""
RUNS = Path("runs")
"""Where runs' directories are created, below the current directory."""
INDEX = "index.html"
OVERVIEW = "index.html"
"""A run's first page, in its directory: part of its record, unlike the index of a site's runs."""
COMPARED = "compare.js"
"""What the index page compares of a run."""
LATEST = "latest.txt"
PAGES = (INDEX, LATEST)
"""Files beside a site's runs that are derived from them."""
KEYS = "keys"
"""In an exported archive, the directory of the keys to verify it with."""
NOTEBOOKS = "notebooks"
"""A person's working copy of the notebooks, which is not part of any record."""
OF_NOTEBOOKS = re.compile(r"[^/]+\.ipynb|\.ipynb_checkpoints|\.jupyterlab|site\.yaml")
STAMPED = re.compile(r"(\d{8}T\d{6}Z)(?:-(\d+))?")
"""Names of runs for which no directory was given."""


@dataclass(slots=True)
class Standing:
    """What was found."""

    runs: list[Path] = field(default_factory=list)
    folders: set[Path] = field(default_factory=set)
    """The directories that contain runs, except for runs that are places themselves."""
    above: set[Path] = field(default_factory=set)
    """The directories that contain directories of several sites' runs."""
    keys: list[Path] = field(default_factory=list)
    strays: list[Path] = field(default_factory=list)


def standing_in(places: Iterable[Path]) -> Standing:
    """Everything in the places; a place inside another one is searched only once.

    Raises OSError when a directory cannot be listed.
    """
    found = Standing()
    chosen = sorted({Path(os.path.abspath(place)) for place in places})
    for place in chosen:
        if any(place.is_relative_to(other) for other in chosen if other != place):
            continue
        if is_run(place):
            found.runs.append(place)
        elif place.is_dir():
            _look_into(_of_runs(place), found, deeper=True)
    found.runs.sort(key=lambda path: (path.parent, path.name))
    return found


def is_run(path: Path) -> bool:
    """Whether a run left something there, whatever its content."""
    return any(os.path.lexists(path / name) for name in (RECORD, ACCOUNT))


def is_beside(directory: Path, site: str) -> bool:
    """Whether a run's directory is among those of the site's runs, which have an index page."""
    return directory.parent.name == site


def is_among_sites(folder: Path) -> bool:
    """Whether a directory of a site's runs is one of several, with a page of all sites above it."""
    return folder.parent.name == RUNS.name


def latest_of(runs: Iterable[str]) -> str | None:
    """The newest of those names that are time stamps; None if there are none."""
    stamped = (match for name in runs if (match := STAMPED.fullmatch(name)))
    newest = max(stamped, key=lambda match: (match[1], int(match[2] or 1)), default=None)
    return newest[0] if newest else None


def _of_runs(place: Path) -> Path:
    """The place, or its directory `runs` if no other directory in it has any runs."""
    inner = place / RUNS
    here = [path for path in _directories(place) if is_run(path) or _holds_runs(path)]
    return inner if inner in _directories(place) and not here else place


def _look_into(place: Path, found: Standing, *, deeper: bool) -> None:
    for path in sorted(place.iterdir()):
        if path.is_symlink() or not path.is_dir():
            belongs = path.name in PAGES and _holds_runs(place)
            belongs |= path.name == INDEX and _holds_sites(place)
            if not (belongs and _is_plain(path)):
                found.strays.append(path)
        elif is_run(path):
            found.runs.append(path)
            found.folders.add(place)
        elif path.name == KEYS and _holds_runs(place) and any(map(_is_plain, path.iterdir())):
            plain = {key for key in path.iterdir() if _is_plain(key)}
            found.keys += sorted(plain)
            found.strays += sorted({*path.iterdir()} - plain)
        elif path.name == NOTEBOOKS and any(path.glob("*.ipynb")) and not _holds_runs(path):
            found.strays += sorted(it for it in path.iterdir() if not _is_of_copy(it))
        elif deeper and _holds_runs(path):
            found.above |= {place} if place.name == RUNS.name else set()
            _look_into(path, found, deeper=False)
        else:
            found.strays.append(path)


def _holds_runs(place: Path) -> bool:
    return any(map(is_run, _directories(place)))


def _holds_sites(place: Path) -> bool:
    return place.name == RUNS.name and any(map(_holds_runs, _directories(place)))


def _directories(place: Path) -> Iterator[Path]:
    return (path for path in place.iterdir() if path.is_dir() and not path.is_symlink())


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _is_of_copy(path: Path) -> bool:
    is_link = path.is_symlink() and path.name != "site.yaml"
    return bool(OF_NOTEBOOKS.fullmatch(path.name)) and not is_link

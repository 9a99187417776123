"""Makes the lists of pinned packages, with the hashes of their files, from the inputs beside them.

    PYTHONPATH=tests python -m making.pins [--upgrade] [LIST]...

`make pins` runs it. A list keeps the versions that it has as long as they suit its input; with
`--upgrade` it gets the newest that do. Needs the package index.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kuryr_runbook.model.releases import RELEASES

PACKAGE = Path(__file__).parents[2] / "kuryr_runbook"
LAB = PACKAGE / "lab" / "payload" / "openstack" / "requirements"

IMAGE = PACKAGE / "share" / "image"

LAB_PYTHON = "3.11"
"""The oldest Python that the lab's services run on."""


@dataclass(frozen=True, slots=True)
class PinnedList:
    """A list of packages, and what it is made from."""

    path: Path
    python: str

    @property
    def input(self) -> Path:
        """What is wanted, and why no newer version of it will do."""
        return self.path.with_suffix(".in")


def pinned_lists() -> Iterator[PinnedList]:
    for source in sorted(LAB.glob("*.in")):
        yield PinnedList(source.with_suffix(".txt"), LAB_PYTHON)
    sets = (each for it in RELEASES.values() for each in it.image.constraint_sets.values())
    pythons = {file: each.python for each in sets for file in (each.file, each.build_file)}
    for file, python in sorted(pythons.items()):
        yield PinnedList(IMAGE / file, python)


def make(pinned: PinnedList, *options: str) -> None:
    subprocess.run(
        [
            *("uv", "pip", "compile", "--quiet", "--no-annotate"),
            *("--generate-hashes", "--python-version", pinned.python),
            *("--python-platform", "x86_64-unknown-linux-gnu"),
            # Of another version for each release, whose hash is in the catalogue.
            *("--no-emit-package", "kuryr-kubernetes"),
            *("--custom-compile-command", "make pins"),
            *(*options, "--output-file", pinned.path.name, pinned.input.name),
        ],
        check=True,
        cwd=pinned.path.parent,
        env=os.environ | {"UV_PYTHON_DOWNLOADS": "never"},
    )


def main(arguments: list[str]) -> None:
    options = [argument for argument in arguments if argument.startswith("-")]
    wanted = [argument for argument in arguments if argument not in options]
    for pinned in pinned_lists():
        if not wanted or pinned.path.name in wanted:
            make(pinned, *options)
            print(pinned.path.relative_to(PACKAGE), "written")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])

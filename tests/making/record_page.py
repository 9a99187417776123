"""The picture of a run's first page that the documents show.

`PYTHONPATH=tests python -m making.record_page` makes it anew, of a made-up run. A person has
to look at it.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from runs.realistic import realistic_runs
from support.browsing import browser_page
from support.repository import REPOSITORY

PICTURE = REPOSITORY / "docs" / "record.png"
SIZE = (1000, 880)


def main() -> None:
    """Of a run that installed everything."""
    with TemporaryDirectory() as place, browser_page(offline=True) as person:
        os.environ["XDG_STATE_HOME"] = f"{place}/state"
        record = next(iter(realistic_runs(Path(place) / "runs" / "lab", 1)))
        person.page.set_viewport_size({"width": SIZE[0], "height": SIZE[1]})
        person.page.goto((record.directory / "index.html").as_uri())
        person.page.screenshot(path=PICTURE)


if __name__ == "__main__":
    main()

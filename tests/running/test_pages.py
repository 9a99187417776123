"""Pages of executed notebooks: made while a cell takes its time, and the others at the end."""

from __future__ import annotations

import time
from pathlib import Path

from runs.small import write_notebook

from kuryr_runbook.recording.pages.frame import Around
from kuryr_runbook.running.pages import WAITING_SECONDS, Pages

PATIENCE_SECONDS = 60
AROUND = Around(site="lab", run="r01", in_site=True)


def test_a_page_is_made_while_a_cell_takes_its_time(tmp_path: Path) -> None:
    write_notebook(tmp_path / "one.ipynb", "1")
    pages = Pages()
    pages.want(tmp_path / "one.ipynb", AROUND)
    pages.cell_started()
    end = time.monotonic() + PATIENCE_SECONDS
    while not (tmp_path / "one.html").exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert (tmp_path / "one.html").exists()
    pages.finish()


def test_beside_short_cells_none_is_made_until_the_end(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_notebook(tmp_path / f"{name}.ipynb", "1")
    pages = Pages()
    pages.want(tmp_path / "one.ipynb", AROUND)
    pages.cell_started()
    pages.cell_ended()
    time.sleep(2 * WAITING_SECONDS)
    pages.want(tmp_path / "two.ipynb", AROUND)
    assert not list(tmp_path.glob("*.html"))
    pages.finish()
    assert {path.name for path in tmp_path.glob("*.html")} == {"one.html", "two.html"}

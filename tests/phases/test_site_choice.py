"""Which site the notebooks in JupyterLab work with."""

from __future__ import annotations

from pathlib import Path

import pytest

from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.phases.site_choice import LINK, choose


def test_the_link_names_the_file_that_was_chosen_last(tmp_path: Path) -> None:
    link = tmp_path / LINK
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(name)
        choose(tmp_path / name, link)
        assert link.read_text() == name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.yaml", "b.yaml", LINK]


def test_a_file_in_its_place_stays(tmp_path: Path) -> None:
    link = tmp_path / LINK
    link.write_text("mine")
    with pytest.raises(UsageError, match="is a file of its own"):
        choose(tmp_path / "a.yaml", link)
    assert link.read_text() == "mine"

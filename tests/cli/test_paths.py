"""Paths on the command line: home directories, and those that nobody has."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from kuryr_runbook.cli import main

NOBODY = "~nobody-has-that-name/file"
WITH_PATHS = (
    ("plan", "--site"),
    ("run", "--run-dir"),
    ("diagnose", "--snapshot"),
    ("diagnose", "--junit"),
    ("notebooks", "--dir"),
    ("records", "list"),
    ("init",),
)


@pytest.mark.parametrize("words", WITH_PATHS, ids=" ".join)
def test_a_home_directory_that_nobody_has_is_reported(words: tuple[str, ...]) -> None:
    *command, last = words
    path = f"{last}={NOBODY}" if last.startswith("--") else NOBODY
    given = [*command, path] if last.startswith("--") else [*words, path]
    result = CliRunner().invoke(main, given)
    assert result.exit_code == 2
    assert "there is no home directory ~nobody-has-that-name" in result.output


def test_ones_own_home_directory_is_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    result = CliRunner().invoke(main, ["diagnose", "--snapshot=~/none.json"])
    assert result.exit_code == 2
    assert str(tmp_path / "none.json") in result.stderr.replace("\n", "")

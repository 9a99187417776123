"""`kuryr-runbook docs`: every page is complete, and what refers to a page names one that exists."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner
from support.repository import REPOSITORY

from kuryr_runbook.cli import main
from kuryr_runbook.display.documentation import FOR_THE_SITE, Page, page, pages
from kuryr_runbook.display.terminal import Screen, drawn
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.releases.proofs import proved

SHOWN_TO_USERS = (
    *(REPOSITORY / "kuryr_runbook").rglob("*.py"),
    *(REPOSITORY / "notebooks").glob("*.ipynb"),
    *(REPOSITORY / "parameters").glob("*.yaml"),
)


@pytest.mark.parametrize("name", pages())
def test_a_page_is_shown_with_all_that_is_inserted(name: str) -> None:
    shown = CliRunner().invoke(main, ["docs", name])
    assert shown.exit_code == 0
    assert pages()[name].replace("`", "") in shown.stdout
    assert "generated:" not in page(name)
    assert "8<--" not in page(name)


def test_without_a_page_all_are_listed() -> None:
    shown = CliRunner().invoke(main, ["docs"])
    assert all(name in shown.stdout for name in pages())
    files = {path.stem for path in (REPOSITORY / "docs").rglob("*.md")}
    assert files == {*pages(), *FOR_THE_SITE}


def test_an_unknown_page_is_refused_with_those_that_there_are() -> None:
    shown = CliRunner().invoke(main, ["docs", "nowhere"])
    assert shown.exit_code == 2
    assert "troubleshooting" in shown.stderr


def test_commands_stay_on_one_line_and_prose_does_not() -> None:
    command = "kuryr-runbook " + "--option value " * 12
    markdown = f"# Title {{ #anchor }}\n\n{'word ' * 40}\n\n```sh\n{command}\n```\n"
    text = drawn(Page(markdown), Screen(80, has_colour=False))
    assert f"    {command.strip()}" in text.splitlines()
    assert "anchor" not in text
    assert max(len(line) for line in text.splitlines() if "word" in line) <= 80


def test_whoever_installed_a_wheel_has_the_pages_that_are_referred_to() -> None:
    named = {
        name
        for path in SHOWN_TO_USERS
        for name in re.findall(r"kuryr-runbook[\s\"]+docs[\s\"]+([a-z-]+)", path.read_text())
    }
    assert len(named) > 5
    assert named <= {*pages(), "docs", "documentation"}


def test_the_readme_names_the_releases_that_were_run() -> None:
    readme = " ".join((REPOSITORY / "README.md").read_text().split())
    for driver in VifDriver:
        assert f"with {driver} {', '.join(proved(driver))}" in readme

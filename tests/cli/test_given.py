"""The options of a command, as the record has them."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from kuryr_runbook.cli.given import given_arguments


@click.command()
@click.argument("place", required=False)
@click.option("--site", envvar="SITE_OF_TEST")
@click.option("-n", "--number", type=int, default=3)
@click.option("--only", multiple=True)
@click.option("--dry-run", is_flag=True)
@click.option("--ask/--no-ask", default=True)
def told(**_: object) -> None:
    click.echo(repr(given_arguments()))


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ([], ()),
        (["--dry-run", "--site", "a b"], ("--site", "a b", "--dry-run")),
        (["-n", "3"], ("--number", "3")),
        (["--only", "x", "--only", "y"], ("--only", "x", "--only", "y")),
        (["--no-ask"], ("--no-ask",)),
        (["here"], ("here",)),
    ],
)
def test_what_was_given_is_told_without_defaults(
    arguments: list[str], given: tuple[str, ...]
) -> None:
    assert CliRunner().invoke(told, arguments).output == f"{given!r}\n"


def test_what_the_environment_gives_was_given() -> None:
    output = CliRunner().invoke(told, env={"SITE_OF_TEST": "lab.yaml"}).output
    assert output == "('--site', 'lab.yaml')\n"

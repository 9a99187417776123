"""The commands that the documents show: all of them classified, and understood by the program."""

from __future__ import annotations

import itertools
import shlex
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.documented import (
    DOCUMENTS,
    EXECUTED,
    NOT_EXECUTED,
    blocks,
    commands,
    commands_of,
)
from support.repository import REPOSITORY

from kuryr_runbook.cli import main

PROGRAM = "kuryr-runbook"
SHOWN = (
    *DOCUMENTS,
    *(REPOSITORY / "docs" / f"{name}.md" for name in ("real-cloud", "fleet", "monitoring")),
)
words = st.text("abcxyz-=/.$|'\"", min_size=1).filter(lambda word: not word.endswith("\\"))
lines = st.lists(words, min_size=1, max_size=4).map(" ".join)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_is_executed_or_says_why_not(document: Path) -> None:
    unknown = [
        command
        for command in commands_of(document)
        if (command in EXECUTED) is (command in NOT_EXECUTED)
    ]
    assert unknown == [], "put each into EXECUTED or NOT_EXECUTED of tests/support/documented.py"


def test_nothing_is_classified_that_no_document_shows() -> None:
    shown = {command for document in DOCUMENTS for command in commands_of(document)}
    assert {*EXECUTED, *NOT_EXECUTED} - shown == set()


def test_what_is_executed_in_another_form_says_why() -> None:
    changed = {command: how for command, how in EXECUTED.items() if how.instead}
    assert all(how.why for how in changed.values())


def parsed(arguments: list[str]) -> click.Context:
    """The context of the innermost command; raises UsageError as the program would."""
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group):
        name, *arguments = arguments
        found = command.get_command(context, name)
        assert found is not None, f"there is no command {name}"
        command = found
    return command.make_context(command.name, arguments)


@pytest.mark.parametrize(
    "command",
    sorted(
        {command for path in SHOWN for command in commands_of(path) if command.startswith(PROGRAM)}
    ),
)
def test_the_program_takes_what_the_documents_say(command: str) -> None:
    words = itertools.takewhile(lambda word: word not in ("|", ">"), shlex.split(command))
    parsed([*words][1:])


@given(st.lists(lines, min_size=1, max_size=5), st.booleans(), st.booleans())
def test_commands_are_found_in_fenced_and_in_indented_blocks(
    written: list[str], fenced: bool, commented: bool
) -> None:
    shown = [f"{line}   # why" if commented else line for line in written]
    body = "\n".join(shown) if fenced else "\n".join(f"    {line}" for line in shown)
    text = f"## Title\n\n```sh\n{body}\n```\n" if fenced else f"## Title\n\n{body}\n"
    [block] = blocks(text)
    assert (block.heading, block.holds_commands) == ("Title", True)
    assert list(commands(block.text)) == written


@given(st.lists(words, min_size=2, max_size=4))
def test_a_command_may_go_on_in_the_next_line(parts: list[str]) -> None:
    assert list(commands(" \\\n    ".join(parts))) == [" ".join(parts)]


@pytest.mark.parametrize("language", ["text", "yaml", "python"])
def test_what_is_shown_in_another_language_is_no_command(language: str) -> None:
    [block] = blocks(f"```{language}\nrm -r /\n```\n")
    assert not block.holds_commands

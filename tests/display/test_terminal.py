"""What a terminal gets: its width, its colours, and nothing else that steers it."""

from __future__ import annotations

import fcntl
import io
import os
import re
import struct
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import pytest

from kuryr_runbook.display import terminal
from kuryr_runbook.display.tables import Coloured, View, plain, stacked, table
from kuryr_runbook.display.terminal import (
    FIXED_WIDTH,
    LEAST_WIDTH,
    Screen,
    drawn,
    echo_on,
    screen_of,
)

ID = "3f0d9d5a-7a8e-4b1f-9f3c-0a5f3f0b2c11"
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "_color", "auto")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@contextmanager
def a_terminal(columns: int) -> Iterator[TextIO]:
    """A terminal of that many columns."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    try:
        with open(theirs, "w", encoding="utf-8") as stream:
            yield stream
    finally:
        os.close(ours)


def ids() -> View:
    rows = [(Coloured("✓ pass", "green"), ID, ID, "the subnet that the site names")]
    return table("Ids", ("status", "id", "network_id", "what it is"), rows)


@pytest.mark.parametrize("columns", [80, 140])
def test_a_terminal_gets_its_own_width_and_colours(columns: int) -> None:
    with a_terminal(columns) as stream:
        assert screen_of(stream) == Screen(columns, has_colour=True)


def test_everything_else_gets_80_columns_without_colour() -> None:
    assert screen_of(io.StringIO()) == Screen(FIXED_WIDTH, has_colour=False)


def test_a_closed_stream_is_no_terminal() -> None:
    stream = io.StringIO()
    stream.close()
    assert screen_of(stream) == Screen(FIXED_WIDTH, has_colour=False)


@pytest.mark.parametrize(("told", "used"), [(0, FIXED_WIDTH), (5, LEAST_WIDTH)])
def test_a_terminal_that_cannot_be_believed_gets_a_usable_width(told: int, used: int) -> None:
    with a_terminal(told) as stream:
        assert screen_of(stream).width == used


@pytest.mark.parametrize(
    ("name", "value", "has_colour"),
    [("NO_COLOR", "1", False), ("NO_COLOR", "", True), ("TERM", "dumb", False)],
)
def test_the_environment_can_refuse_colours(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, *, has_colour: bool
) -> None:
    monkeypatch.setenv(name, value)
    with a_terminal(80) as stream:
        assert screen_of(stream).has_colour is has_colour


def test_the_choice_of_a_person_counts_more_than_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    terminal.set_color("always")
    assert screen_of(io.StringIO()) == Screen(FIXED_WIDTH, has_colour=True)
    terminal.set_color("never")
    with a_terminal(100) as stream:
        assert screen_of(stream) == Screen(100, has_colour=False)


def test_ids_are_whole_where_there_is_room_and_folded_where_there_is_none() -> None:
    wide = drawn(ids(), Screen(140, has_colour=False))
    assert wide.count(ID) == 2
    narrow = drawn(ids(), Screen(FIXED_WIDTH, has_colour=False))
    assert ID not in narrow
    assert narrow.count("c11") == 2
    assert narrow == ids().text


def test_colours_repeat_what_the_text_says() -> None:
    coloured = drawn(ids(), Screen(140, has_colour=True))
    assert "\x1b[32m✓ pass\x1b[0m" in coloured
    assert "\x1b[1mIds\x1b[0m" in coloured
    without = ESCAPE.sub("", coloured).splitlines()
    assert [line.rstrip() for line in without] == drawn(
        ids(), Screen(140, has_colour=False)
    ).splitlines()


def test_no_text_brings_escape_sequences_of_its_own() -> None:
    hostile = "\x1b[8mhidden\x1b]0;title\x07"
    rows = [(Coloured(hostile, "red"), hostile)]
    views = (table(hostile, ("a", hostile), rows, hostile), View(plain(lambda _: [hostile]), ""))
    coloured = drawn(stacked(views), Screen(80, has_colour=True))
    assert "\\x1b[8mhidden" in coloured
    assert "\x1b" not in re.sub(r"\x1b\[(0|1|31)m", "", coloured)


def test_lines_have_no_blanks_at_their_end() -> None:
    text = drawn(table("T", ("a", "b"), [("x", ""), ("y" * 20, "z")]), Screen(80, has_colour=False))
    assert all(line == line.rstrip() for line in text.splitlines())


def test_letters_that_a_stream_does_not_have_are_spelled_out() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    echo_on(stream, table("✓", ("a",), []))
    assert raw.getvalue().startswith(b"\\u2713\n")

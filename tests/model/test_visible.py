"""Text that is shown: nothing in it steers a terminal, and nothing is hidden."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuryr_runbook.model.errors import RunbookError
from kuryr_runbook.model.visible import bounded, json_text, message, one_line, visible

texts = st.text(st.characters())
"""Lone surrogates too."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\rb", "a\\rb"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("a\u2028b\u2029c", "a\\u2028b\\u2029c"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("\x7f\x00", "\\x7f\\x00"),
        ("\u3164", "\\u3164"),
        ("a\tb", "a       b"),
        ("✓ süß …\n  日本語", "✓ süß …\n  日本語"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(text: str, expected: str) -> None:
    assert visible(text) == expected


@given(texts)
def test_whatever_comes_no_category_of_controls_is_left(text: str) -> None:
    shown = visible(text)
    assert all(letter == "\n" or unicodedata.category(letter)[0] != "C" for letter in shown)
    assert all(unicodedata.category(letter) not in ("Zl", "Zp") for letter in shown)
    shown.encode()
    assert visible(shown) == shown
    assert "\n" not in one_line(text)


@given(st.text(st.characters(categories=("L", "N", "P", "S"))))
def test_text_that_is_visible_stays_as_it_is(text: str) -> None:
    assert visible(text).replace("\\ufe0f", "\ufe0f").isprintable()


@given(texts, st.integers(2, 50))
def test_a_bounded_text_keeps_its_ends(text: str, letters: int) -> None:
    short = bounded(text, letters)
    assert short == text or len(short) < letters + 40


def test_a_message_is_of_bounded_length_whatever_is_put_into_it() -> None:
    assert len(message("x" * 20_000_000)) < 700
    assert len(message("\x1b" * 20_000_000)) < 3000
    assert message("a\n" * 1_000_000).count("\n") <= 201
    error = RunbookError("name: " + "\x1b[2J" * 10_000, remedy="\u202e" * 10_000)
    assert "\x1b" not in str(error)
    assert "\u202e" not in str(error)
    assert len(str(error)) < 3000


@given(st.recursive(texts, st.lists, max_leaves=5))
def test_json_is_ascii_that_can_be_seen_and_means_the_same(value: object) -> None:
    text = json_text(value)
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text) == value

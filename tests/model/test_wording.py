"""Counted nouns, and that nobody counts them in another way."""

from __future__ import annotations

import pytest

from kuryr_runbook.model.wording import counted


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 records"),
        (1, "1 record"),
        (2, "2 records"),
        (1000, "1,000 records"),
    ],
)
def test_a_noun_fits_its_number(number: int, words: str) -> None:
    assert counted(number, "record") == words


def test_an_irregular_plural_is_given() -> None:
    assert counted(1, "entry", "entries") == "1 entry"
    assert counted(2, "entry", "entries") == "2 entries"

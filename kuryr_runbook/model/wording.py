"""Counted nouns: "1 record", "2 records"."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun in the singular or the plural, by default with an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"

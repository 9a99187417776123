"""Counted nouns and their verbs, and that nobody counts in another way."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import kuryr_runbook
from kuryr_runbook.model.wording import agreeing, counted

PACKAGE = Path(kuryr_runbook.__file__).parent
APART = {"lab", "share"}
"""Parts of the package that know nothing of the rest."""
PLURAL = re.compile(
    r" (?:(?:of|more|other|ready|whole) )?"
    r"(?!(?:is|has|was|does|as|this|less)\b)[a-z]+s\b(?! of them)"
)
NUMBERS = {"count", "moved", "number", "passed", "restarts", "total", "unmoved", "wanted"}
"""Names of what is a number."""


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 records"), (1, "1 record"), (2, "2 records"), (1000, "1,000 records")],
)
def test_a_noun_fits_its_number(number: int, words: str) -> None:
    assert counted(number, "record") == words


def test_an_irregular_plural_is_given() -> None:
    assert counted(1, "entry", "entries") == "1 entry"
    assert counted(2, "entry", "entries") == "2 entries"


def test_a_verb_fits_its_number() -> None:
    assert [agreeing(number, "is", "are") for number in (0, 1, 2)] == ["are", "is", "are"]


def is_number(value: ast.expr) -> bool:
    match value:
        case ast.Call(func=ast.Name(id="len" | "sum")):
            return True
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in NUMBERS
    return False


def naive(source: str) -> Iterator[int]:
    """Lines where a plural follows a number whatever it is, or an s is added by hand."""
    for text in ast.walk(ast.parse(source)):
        if not isinstance(text, ast.JoinedStr):
            continue
        for part, after in zip(text.values, [*text.values[1:], None], strict=True):
            match part:
                case ast.FormattedValue(value=ast.IfExp(body=one, orelse=other)):
                    added = [it.value for it in (one, other) if isinstance(it, ast.Constant)]
                    if any(re.fullmatch(r"s( .*)?", str(it)) for it in added):
                        yield text.lineno
                case ast.FormattedValue(value=value) if is_number(value):
                    if isinstance(after, ast.Constant) and PLURAL.match(str(after.value)):
                        yield text.lineno


@pytest.mark.parametrize(
    "source",
    [
        "f'{len(x)} records'",
        "f'a {count} more pods {b}'",
        "f'{len(a)} of {len(b)} nodes'",
        "f'{n} thing{end if n > 1 else str()}'.format() + f'{n} thing{\"s\" if n > 1 else None}'",
    ],
)
def test_the_search_sees_what_it_is_about(source: str) -> None:
    assert [*naive(source)]


@pytest.mark.parametrize(
    "source", ["f'{len(x)} of them'", "f'{counted(len(x), \"record\")}'", "f'{count} is much'"]
)
def test_the_search_leaves_the_rest_alone(source: str) -> None:
    assert not [*naive(source)]


def test_nobody_counts_by_hand() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] not in APART
        for line in naive(path.read_text())
    ]
    assert found == [], "use counted() of model/wording.py"

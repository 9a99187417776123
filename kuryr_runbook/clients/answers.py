"""Responses come from outside, so their shape is checked before they are used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from kuryr_runbook.model.errors import UnreachableError

T = TypeVar("T")

SEE_WHAT_ANSWERS = "check what answers there: the API, or a proxy with a page of its own?"
LONGEST_REASON = 200
MALFORMED = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What code raises when it parses a response that does not have the expected shape."""


@contextmanager
def parsing(asked: str) -> Iterator[None]:
    """Parse a response within this block. Raises UnreachableError if its shape is not the API's.

    Only for code that does nothing else: our own bugs would be reported as the service's.
    """
    try:
        yield
    except MALFORMED as error:
        reason = f"{type(error).__name__}: {error}"[:LONGEST_REASON]
        raise UnreachableError(
            f"{asked}: the response is not from this API: {reason}", remedy=SEE_WHAT_ANSWERS
        ) from error


def json_of(asked: str, content: bytes | str) -> Any:
    """The JSON in a response."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnreachableError(
            f"{asked}: the response is not from this API: not JSON", remedy=SEE_WHAT_ANSWERS
        ) from error


def mapping_of(asked: str, content: bytes | str) -> dict[str, Any]:
    """The JSON in a response, which has to be an object."""
    return expected(asked, json_of(asked, content), dict)


def part_of(asked: str, body: object, name: str, kind: type[T]) -> T:
    """The value under a name in a response; a list has to be one of objects."""
    found = expected(asked, expected(asked, body, dict).get(name), kind)
    for item in found if isinstance(found, list) else ():
        expected(asked, item, dict)
    return found


def expected(asked: str, value: object, kind: type[T]) -> T:
    """The value, if it is of that kind. Raises UnreachableError."""
    if isinstance(value, kind):
        return value
    found = "nothing" if value is None else f"a {type(value).__name__}"
    raise UnreachableError(
        f"{asked}: the response is not from this API: expected a {kind.__name__}, got {found}",
        remedy=SEE_WHAT_ANSWERS,
    )

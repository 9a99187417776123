"""What services answer is what somebody else wrote: its shape is looked at before it is used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from kuryr_runbook.model.errors import UnreachableError

T = TypeVar("T")

SEE_WHAT_ANSWERS = "look at what answers there: is it the API, or a proxy's page?"
LONGEST_REASON = 200
MALFORMED = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What code raises that takes an answer apart which is not what it should be."""


@contextmanager
def understood(asked: str) -> Iterator[None]:
    """Take an answer apart. Raises UnreachableError where it is not what the API says.

    Only for code that does nothing else: a defect of ours would be told as one of the service's.
    """
    try:
        yield
    except MALFORMED as error:
        reason = f"{type(error).__name__}: {error}"[:LONGEST_REASON]
        raise UnreachableError(
            f"{asked}: what answers there is not this API: {reason}", remedy=SEE_WHAT_ANSWERS
        ) from error


def json_of(asked: str, content: bytes | str) -> Any:
    """The JSON that was answered."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnreachableError(
            f"{asked}: what answers there is not this API: not JSON", remedy=SEE_WHAT_ANSWERS
        ) from error


def mapping_of(asked: str, content: bytes | str) -> dict[str, Any]:
    """The JSON that was answered, which has to be an object."""
    return expected(asked, json_of(asked, content), dict)


def part_of(asked: str, body: object, name: str, kind: type[T]) -> T:
    """What stands under a name in an object that was answered; a list must be one of objects."""
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
        f"{asked}: what answers there is not this API: {found} where a {kind.__name__} belongs",
        remedy=SEE_WHAT_ANSWERS,
    )

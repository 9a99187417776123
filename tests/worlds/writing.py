"""What is kept in memory: written by one at a time, and handed out as copies."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

Value = TypeVar("Value")


def copied(value: Value) -> Value:
    """A copy of what JSON can hold; `copy.deepcopy` takes twice as long for it."""
    made: Any = value
    if isinstance(value, dict):
        made = {key: copied(item) for key, item in value.items()}
    elif isinstance(value, list):
        made = [copied(item) for item in value]
    return cast("Value", made)


class Locked(Protocol):
    @property
    def lock(self) -> AbstractContextManager[object]: ...


Store = TypeVar("Store", bound=Locked)
Given = ParamSpec("Given")
Result = TypeVar("Result")


def one_at_a_time(
    method: Callable[Concatenate[Store, Given], Result],
) -> Callable[Concatenate[Store, Given], Result]:
    """Steps of a plan write from several threads: two that read one list would lose a change."""

    @functools.wraps(method)
    def locked(self: Store, /, *args: Given.args, **kwargs: Given.kwargs) -> Result:
        with self.lock:
            return method(self, *args, **kwargs)

    return locked

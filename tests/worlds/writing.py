"""Writes to what is kept in memory: one at a time."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Concatenate, ParamSpec, Protocol, TypeVar


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

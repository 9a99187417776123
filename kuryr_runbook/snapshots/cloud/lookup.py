"""Finding what a site names in a cloud: one way for all who look, and one answer to 'two have it'.

Names need not be unique in OpenStack. An id stands for a name wherever one is asked for, and the
project's own come before those of others, as an admin sees all. Where several are left nobody
guesses, not even by a mark of ours: the site file is to have the id.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.specs.wanted import Wanted


class Named(Protocol):
    """What bears a name."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def project_id(self) -> str:
        """Whose it is."""


T = TypeVar("T", bound=Named)


class SeveralError(DriftError):
    """Several resources have the name, and which one is meant shows nowhere."""


def find(items: Iterable[T], wanted: Wanted, project: str) -> T | None:
    """The one that is meant, or None when there is none. Raises SeveralError."""
    if wanted.given_id:
        return next((item for item in items if item.id == wanted.given_id), None)
    found = of_name(items, wanted.name, project)
    if len(found) > 1:
        ids = ", ".join(item.id for item in found)
        raise SeveralError(
            f"{len(found)} {wanted.kind}s are named {wanted.name} ({wanted.key}): put the id "
            f"there, in the place of the name ({ids})",
            remedy=f"put the id into {wanted.key}: {ids}",
        )
    return next(iter(found), None)


def of_name(items: Iterable[T], name: str, project: str) -> list[T]:
    """All of that name or id: the project's own, or else those of others."""
    named = [item for item in items if name in (item.name, item.id)]
    own = [item for item in named if item.project_id == project]
    return own or named

"""The one way to find a resource that a site names, and to handle names that are not unique.

OpenStack does not require unique names. An id may replace a name everywhere, and the project's own
resources come before those of others, since an admin sees all. If several are left there is no
guessing, not even by our mark: the site file has to use the id.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.specs.wanted import Wanted


class Named(Protocol):
    """Something with a name."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def project_id(self) -> str:
        """The project that owns it."""


T = TypeVar("T", bound=Named)


class SeveralError(DriftError):
    """Several resources have the name, and nothing shows which one is meant."""


def find(items: Iterable[T], wanted: Wanted, project: str) -> T | None:
    """The resource that is meant, or None if there is none. Raises SeveralError."""
    if wanted.given_id:
        return next((item for item in items if item.id == wanted.given_id), None)
    found = of_name(items, wanted.name, project)
    if len(found) > 1:
        ids = ", ".join(item.id for item in found)
        raise SeveralError(
            f"{len(found)} {wanted.kind}s are named {wanted.name} ({wanted.key}): use an id "
            f"instead of the name ({ids})",
            remedy=f"set {wanted.key} to one of these ids: {ids}",
        )
    return next(iter(found), None)


def of_name(items: Iterable[T], name: str, project: str) -> list[T]:
    """All with that name or id: the project's own, or else those of others."""
    named = [item for item in items if name in (item.name, item.id)]
    own = [item for item in named if item.project_id == project]
    return own or named

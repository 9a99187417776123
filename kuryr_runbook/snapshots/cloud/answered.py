"""One resource as an API of OpenStack answered it, asked for its fields by their types.

Strict: what is changed and deleted is decided by it, so an answer that is not as the API references
say is an error, and never read as something that is absent or empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from ipaddress import ip_address, ip_network
from typing import TypeVar

from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.snapshots.parsing import time

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """One resource as an API answered it. Each field is of its type, or an AccessError."""

    kind: str
    fields: Mapping[str, object]

    def _malformed(self, key: str, wanted: str) -> AccessError:
        seen = repr(self.fields[key])[:80] if key in self.fields else "not there"
        return AccessError(
            f"the cloud's answer is malformed: {key} of {self.kind} {self.fields.get('id')} should "
            f"be {wanted} and is {seen}",
            remedy="ask the cloud's operators: a proxy or a plugin changes the API's answers",
        )

    def _of(self, key: str, kind: type[T], wanted: str) -> T:
        value = self.fields.get(key)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self._malformed(key, wanted)
        return value

    def id(self, key: str = "id") -> str:
        """A text that is not empty."""
        found = self._of(key, str, "an id")
        if not found:
            raise self._malformed(key, "an id")
        return found

    def text(self, key: str) -> str:
        """A text; null is the empty one."""
        if key in self.fields and self.fields[key] is None:
            return ""
        return self._of(key, str, "a text")

    def address(self, key: str) -> str:
        """An IP address, as it is written; null is the empty text."""
        return self._read(key, ip_address, "an address")

    def cidr(self, key: str) -> str:
        """A range of IP addresses or a single one, as it is written; null is the empty text."""
        return self._read(key, partial(ip_network, strict=False), "a range")

    def _read(self, key: str, read: Callable[[str], object], wanted: str) -> str:
        found = self.text(key)
        try:
            if found:
                read(found)
        except ValueError as error:
            raise self._malformed(key, wanted) from error
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        found = self._of(key, list, "a list of texts")
        if not all(isinstance(one, str) for one in found):
            raise self._malformed(key, "a list of texts")
        return tuple(found)

    def flag(self, key: str) -> bool:
        """True or false."""
        return self._of(key, bool, "true or false")

    def number(self, key: str) -> int:
        """A whole number."""
        return self._of(key, int, "a whole number")

    def time(self, key: str) -> datetime:
        """A time."""
        found = time(self.fields.get(key))
        if found is None:
            raise self._malformed(key, "a time")
        return found

    def nullable(self, key: str, read: Callable[[str], T]) -> T | None:
        """What `read` makes of the field, or None where it is null; it has to be there."""
        if key not in self.fields:
            raise self._malformed(key, "there")
        return self.shown(key, read)

    def shown(self, key: str, read: Callable[[str], T]) -> T | None:
        """What `read` makes of the field, or None where it is null or not shown."""
        return None if self.fields.get(key) is None else read(key)

    def part(self, key: str) -> Answer:
        """What is below the key."""
        return Answer(f"{key} of {self.kind}", self._of(key, dict, "an object"))

    def parts(self, key: str) -> list[Answer]:
        """The list below the key."""
        found = self._of(key, list, "a list of objects")
        if not all(isinstance(one, dict) for one in found):
            raise self._malformed(key, "a list of objects")
        return [Answer(f"{key} of {self.kind} {self.fields.get('id')}", one) for one in found]

    def ids(self, key: str) -> tuple[str, ...]:
        """The ids in the list below the key."""
        return tuple(one.id() for one in self.parts(key))


def answered(kind: str, item: object) -> Answer:
    """A resource of a list that an API answered. Raises AccessError when it is no object."""
    if not isinstance(item, Mapping):
        raise AccessError(f"the cloud's answer is malformed: a {kind} is {item!r:.80}")
    return Answer(kind, item)

"""A resource in a response of an OpenStack API, with access to its fields by type.

Strict: it decides what is changed and deleted, so a response that is not as the API references say
is an error, and never counts as absent or empty.
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
    """A resource in a response. Access to a field that does not have its type is an AccessError."""

    kind: str
    fields: Mapping[str, object]

    def _malformed(self, key: str, wanted: str) -> AccessError:
        seen = repr(self.fields[key])[:80] if key in self.fields else "missing"
        return AccessError(
            f"the cloud's answer is malformed: {key} of {self.kind} {self.fields.get('id')} should "
            f"be {wanted} and is {seen}",
            remedy="ask the cloud's operators whether a proxy or a plugin changes the responses",
        )

    def _of(self, key: str, kind: type[T], wanted: str) -> T:
        value = self.fields.get(key)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self._malformed(key, wanted)
        return value

    def id(self, key: str = "id") -> str:
        """A non-empty text."""
        found = self._of(key, str, "an id")
        if not found:
            raise self._malformed(key, "an id")
        return found

    def text(self, key: str) -> str:
        """A text; empty for null."""
        if key in self.fields and self.fields[key] is None:
            return ""
        return self._of(key, str, "a text")

    def address(self, key: str) -> str:
        """An IP address, as in the response; empty for null."""
        return self._read(key, ip_address, "an address")

    def cidr(self, key: str) -> str:
        """A range of IP addresses or a single one, as in the response; empty for null."""
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

    def written_number(self, key: str) -> int:
        """A whole number, also as text, as Neutron writes prefix lengths."""
        found = self.fields.get(key)
        if isinstance(found, str) and found.isdecimal():
            return int(found)
        return self.number(key)

    def time(self, key: str) -> datetime:
        """A time."""
        found = time(self.fields.get(key))
        if found is None:
            raise self._malformed(key, "a time")
        return found

    def nullable(self, key: str, read: Callable[[str], T]) -> T | None:
        """What `read` returns for the field, or None if it is null; it has to exist."""
        if key not in self.fields:
            raise self._malformed(key, "there")
        return self.shown(key, read)

    def shown(self, key: str, read: Callable[[str], T]) -> T | None:
        """What `read` returns for the field, or None if it is null or not shown."""
        return None if self.fields.get(key) is None else read(key)

    def part(self, key: str) -> Answer:
        """The object below the key."""
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
    """A resource from a list in a response. Raises AccessError if it is not an object."""
    if not isinstance(item, Mapping):
        raise AccessError(f"the cloud's answer is malformed: a {kind} is {item!r:.80}")
    return Answer(kind, item)

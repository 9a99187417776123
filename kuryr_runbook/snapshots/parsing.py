"""Parsing of APIs' responses: anything malformed becomes empty."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

_LEADING_ZEROS = re.compile(r"(?<![0-9a-fA-F:])0+(?=[0-9]+(?:\.|$))")


def part(item: object, *keys: str) -> Mapping[str, Any]:
    """The mapping below these keys; empty if there is none."""
    for key in keys:
        item = item.get(key) if isinstance(item, Mapping) else None
    return item if isinstance(item, Mapping) else {}


def parts(item: object, key: str) -> list[Mapping[str, Any]]:
    """The mappings in the list below the key."""
    found = item.get(key) if isinstance(item, Mapping) else None
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def text(item: Mapping[str, Any], key: str) -> str:
    """The text below the key; empty if there is none."""
    value = item.get(key)
    return value if isinstance(value, str) else ""


def texts(item: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The texts in the list below the key."""
    found = item.get(key)
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()


def address(item: Mapping[str, Any], key: str) -> str:
    """The address below the key in its usual form; anything else is returned unchanged.

    Before 1.22 Kubernetes accepted leading zeros, and read them like Go, as decimal digits.
    """
    found = text(item, key)
    try:
        return str(ip_address(_LEADING_ZEROS.sub("", found) if found.isascii() else found))
    except ValueError:
        return found


def number(value: object) -> int | None:
    """The whole number, or None if it is not one."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def time(value: object) -> datetime | None:
    """A time in the format of Kubernetes or OpenStack, which leaves out that it is UTC."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)

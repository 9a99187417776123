"""Following the objects of a kind, by the API server's events instead of asking again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

WATCH_SECONDS = 10
"""Watches are short, each after a new list: an expired or cut watch then costs a second."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Which objects are followed, as two questions to the API server."""

    listed: Callable[[], list[Object]]
    """All that there are."""
    events: Callable[[int], Iterator[dict[str, Any]]]
    """What becomes of them, for that many seconds."""


def follow(
    watched: Watched, *, seconds: float, until: Callable[[dict[str, Object]], bool]
) -> dict[str, Object]:
    """Follow the objects until `until` says so, or for that many seconds.

    `until` gets the objects by name, at first and after every change. Returns the last that was
    seen, whether or not `until` was content: the caller asks it again.
    """
    end = time.monotonic() + seconds
    while True:
        seen = {item["metadata"]["name"]: item for item in watched.listed()}
        if until(seen):
            return seen
        left = min(WATCH_SECONDS, max(1, int(end - time.monotonic())))
        for event in watched.events(left):
            name = event["raw_object"]["metadata"]["name"]
            if event["type"] == "DELETED":
                seen.pop(name, None)
            else:
                seen[name] = event["raw_object"]
            if until(seen):
                return seen
        if time.monotonic() >= end:
            return seen

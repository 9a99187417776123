"""Following the objects of a kind, by the API server's events instead of asking again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kuryr_runbook.clients.patience import TransientError

Object = dict[str, Any]

WATCH_SECONDS = 10
"""Watches are short, each after a new list: an expired or cut watch then costs a second."""
AGAIN_SECONDS = 1.0
"""Between a watch that was cut and the next list."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Which objects are followed, as two questions to the API server."""

    listed: Callable[[], list[Object]]
    """All that there are."""
    events: Callable[[int], Iterator[dict[str, Any]]]
    """What becomes of them, for that many seconds; TransientError when this watch was cut."""


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
        try:
            for event in watched.events(left):
                _take(event, seen)
                if until(seen):
                    return seen
        except TransientError:
            time.sleep(AGAIN_SECONDS)
        if time.monotonic() >= end:
            return seen


def _take(event: dict[str, Any], seen: dict[str, Object]) -> None:
    name = event["raw_object"]["metadata"]["name"]
    if event["type"] == "DELETED":
        seen.pop(name, None)
    else:
        seen[name] = event["raw_object"]

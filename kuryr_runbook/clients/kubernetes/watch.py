"""Follows the objects of a kind by the API server's events instead of polling."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from kuryr_runbook.clients.answers import expected, mapping_of, part_of
from kuryr_runbook.clients.exchanges import Bounds
from kuryr_runbook.clients.patience import TransientError
from kuryr_runbook.model.objects import Manifest

WATCH_SECONDS = 10
"""Watches are short, each after a new list, so an expired or broken watch costs a second."""
SILENT_SECONDS = 5.0
"""How long after its end a watch may be silent before its connection counts as lost."""
AGAIN_SECONDS = 1.0
"""Seconds between a broken watch and the next list."""


@dataclass(frozen=True, slots=True)
class Event:
    """A change of an object."""

    name: str
    found: Manifest | None
    """The object now; None: it is gone."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Which objects are followed, as two requests to the API server."""

    listed: Callable[[], list[Manifest]]
    """All of the objects."""
    events: Callable[[int], Iterator[Event]]
    """Their changes, for that many seconds; raises TransientError if the watch breaks."""


def follow(
    watched: Watched, *, seconds: float, until: Callable[[dict[str, Manifest]], bool]
) -> dict[str, Manifest]:
    """Follow the objects until `until` is true, or for that many seconds.

    `until` gets the objects by name, at first and after every change. Returns the latest ones,
    whether or not `until` was true: the caller checks that again.
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


def _take(event: Event, seen: dict[str, Manifest]) -> None:
    if event.found is None:
        seen.pop(event.name, None)
    else:
        seen[event.name] = event.found


def watching(seconds: float) -> Bounds:
    """The bounds of a watch that the API server ends after so many seconds.

    A watch is silent while nothing happens.
    """
    longest = seconds + SILENT_SECONDS
    return Bounds(silence=longest, whole=longest)


def events_of(doing: str, answer: Any) -> Iterator[Event]:
    """The events in the API server's response, as they arrive.

    Raises the SDK's ApiException for an event that says that the watch cannot go on.
    """
    for line in _lines(answer):
        event = mapping_of(doing, line)
        found = part_of(doing, event, "object", dict)
        match event.get("type"):
            case "ERROR":
                raise _refused(found)
            case "BOOKMARK":
                continue
            case kind:
                metadata = part_of(doing, found, "metadata", dict)
                name = part_of(doing, metadata, "name", str)
                yield Event(name, None if kind == "DELETED" else found)


def _lines(answer: Any) -> Iterator[bytes]:
    rest = b""
    for piece in answer.stream(amt=None, decode_content=False):
        *lines, rest = (rest + piece).split(b"\n")
        yield from filter(None, lines)


def _refused(status: Manifest) -> Exception:
    from kubernetes.client.exceptions import ApiException

    code = status.get("code")
    return ApiException(
        status=expected("watch", code, int) if code else HTTPStatus.INTERNAL_SERVER_ERROR,
        reason=str(status.get("message", ""))[:300],
    )

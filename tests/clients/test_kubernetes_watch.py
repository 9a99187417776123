"""Objects that are followed: what is seen at first, after each event, and when a watch ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kuryr_runbook.clients.kubernetes_watch import WATCH_SECONDS, Object, Watched, follow


def named(name: str, **values: Any) -> Object:
    return {"metadata": {"name": name}, **values}


def event(kind: str, name: str, **values: Any) -> dict[str, Any]:
    return {"type": kind, "raw_object": named(name, **values)}


class Cluster:
    """Answers lists and watches in turn, the last of each again and again."""

    def __init__(self, lists: list[list[Object]], watches: list[list[dict[str, Any]]]) -> None:
        self.lists, self.watches, self.asked = lists, watches, list[float]()

    def listed(self) -> list[Object]:
        return self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]

    def events(self, seconds: int) -> Iterator[dict[str, Any]]:
        self.asked.append(seconds)
        yield from self.watches.pop(0) if self.watches else ()

    def follow(
        self, until: Callable[[dict[str, Object]], bool], seconds: float = 60
    ) -> dict[str, Object]:
        return follow(Watched(self.listed, self.events), seconds=seconds, until=until)


def test_what_is_there_already_needs_no_watch() -> None:
    cluster = Cluster([[named("a")]], [])
    assert cluster.follow(lambda seen: "a" in seen) == {"a": named("a")}
    assert cluster.asked == []


def test_each_event_changes_what_is_seen() -> None:
    events = [event("ADDED", "b"), event("MODIFIED", "b", ready=True), event("DELETED", "a")]
    cluster = Cluster([[named("a")]], [events])
    steps: list[list[str]] = []

    def until(seen: dict[str, Object]) -> bool:
        steps.append(sorted(seen))
        return "a" not in seen

    assert cluster.follow(until) == {"b": named("b", ready=True)}
    assert steps == [["a"], ["a", "b"], ["a", "b"], ["b"]]


def test_a_watch_that_ends_is_followed_by_a_new_list() -> None:
    cluster = Cluster([[named("a")], [named("b")]], [[]])
    assert cluster.follow(lambda seen: "b" in seen) == {"b": named("b")}
    assert cluster.asked == [WATCH_SECONDS]


def test_at_the_end_of_the_time_the_last_that_was_seen_is_given() -> None:
    cluster = Cluster([[named("a")]], [[event("ADDED", "b")]])
    assert sorted(cluster.follow(lambda seen: False, seconds=0)) == ["a", "b"]
    assert cluster.asked == [1]

"""Plans: what would be changed, step by step and with reasons, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Action(StrEnum):
    """What a step does to its target."""

    KEEP = "keep"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Target:
    """What a step is about: a resource's type and the name that people know it by."""

    kind: str
    """`network`, `security_group_rule`, `Deployment`, `image`, ..."""
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Later:
    """A value that is known only once the target's step is done, its id for example."""

    target: Target
    field: str = "id"

    def __str__(self) -> str:
        return f"({self.field} of {self.target}, known later)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One change, or the reason why there is none."""

    action: Action
    target: Target
    because: str
    id: str | None = None
    """The id of what exists; None for what is to be created."""
    body: Mapping[str, Any] = field(default_factory=dict)
    """What the writer gets: the whole wanted object, or the changed fields; may hold `Later`."""
    before: Mapping[str, Any] = field(default_factory=dict)
    """The fields that change, as they were read."""
    known: Mapping[str, Any] = field(default_factory=dict)
    """What is known of the existing object, for steps that refer to it with `Later`."""

    @property
    def needs(self) -> frozenset[Target]:
        """The targets whose steps come first: those that the body refers to."""
        return frozenset(later.target for later in laters(self.body))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The steps of one phase, in an order that respects what each needs."""

    phase: str
    steps: tuple[Step, ...]

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that would change something."""
        return tuple(step for step in self.steps if step.action is not Action.KEEP)

    def counts(self) -> dict[Action, int]:
        """How many steps there are of each action, those that occur."""
        found = [step.action for step in self.steps]
        return {action: found.count(action) for action in Action if action in found}


class Done(StrEnum):
    """How a step ended."""

    DONE = "done"
    KEPT = "kept"
    FAILED = "failed"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a step; `known` are the fields that later steps may refer to."""

    step: Step
    done: Done
    known: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


def laters(value: object) -> Iterator[Later]:
    """Every `Later` inside a body, however deep."""
    match value:
        case Later():
            yield value
        case Mapping():
            for item in value.values():
                yield from laters(item)
        case list() | tuple():
            for item in value:
                yield from laters(item)


def resolve(value: Any, known: Mapping[Target, Mapping[str, Any]]) -> Any:
    """The same body with every `Later` replaced; KeyError when its target is not known."""
    match value:
        case Later(target=target, field=name):
            return known[target][name]
        case Mapping():
            return {key: resolve(item, known) for key, item in value.items()}
        case list() | tuple():
            return [resolve(item, known) for item in value]
        case _:
            return value

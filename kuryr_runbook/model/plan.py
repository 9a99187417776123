"""Plans: what would be changed, step by step and with reasons, as data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from kuryr_runbook.model.bodies import Body


class Action(StrEnum):
    """What a step does to its target."""

    KEEP = "keep"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Target:
    """What a step is about: a resource's type and its name for people."""

    kind: str
    """`network`, `security_group_rule`, `Deployment`, `image`, ..."""
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


ADDRESS_PAIRS = "address_pairs"
"""The kind of a step that only changes some of a port's allowed address pairs."""

SUBPORTS = "subports"
"""The kind of a step that takes ports off a trunk."""

KNOWN_LATER = re.compile(r"\(known later: [^)]*\)")
"""The text in place of a value that is not known before something else is done."""


_SQUARE = str.maketrans("()", "[]")


def known_later(what: str) -> str:
    """The text in place of such a value."""
    return f"(known later: {what.translate(_SQUARE)})"


@dataclass(frozen=True, slots=True)
class Later:
    """A value that is known only when the target's step is done, such as its id."""

    target: Target
    field: str = "id"

    def __str__(self) -> str:
        return known_later(f"{self.field} of {self.target}")


ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Change:
    """One field of a target, as it was read and as it will be, as text that may be shown."""

    field: str
    """Path with dots and indices."""
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.field}: {self.before} -> {self.after}"


def shown(value: object) -> str:
    """A value as the text of a change."""
    match value:
        case None:
            return ABSENT
        case str() | Later():
            return str(value)
    return json.dumps(value, sort_keys=True, default=str)


Differences = Mapping[str, tuple[object, object]]
"""Field to its value as it was read, and as it should be."""


def changed(differences: Differences) -> tuple[Change, ...]:
    """The changes of fields of an existing resource."""
    return tuple(
        Change(name, shown(before), shown(after)) for name, (before, after) in differences.items()
    )


def field_changes(wanted: Mapping[str, Any]) -> tuple[Change, ...]:
    """The changes of the fields of a new resource: all were absent."""
    return changed({name: (None, value) for name, value in wanted.items() if value is not None})


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One change, or the reason for none."""

    action: Action
    target: Target
    because: str
    id: str | None = None
    """The id of an existing resource; None if it will be created."""
    body: Body = field(default_factory=dict)
    """What the writer gets: the whole wanted object, its changed fields, or a change of a part of
    it; may contain `Later`."""
    changes: tuple[Change, ...] = ()
    """The fields that change; never a secret's value."""
    after: frozenset[Target] = frozenset()
    """Targets that have to be done first although the body does not refer to them."""
    disturbs: str = ""
    """What running pods notice; empty: nothing."""
    conflicts: tuple[str, ...] = ()
    """Fields that it would take over from other managers, with their names (Kubernetes)."""

    @property
    def needs(self) -> frozenset[Target]:
        """The targets whose steps have to be done first."""
        return self.after | {later.target for later in laters(self.body)}


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftBehind:
    """Something of the runbook's that its site does not name any more; no step touches it."""

    target: Target
    id: str
    because: str
    remedy: str
    """How to remove it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """What Kuryr does to something that runs once the steps are done; no step of ours does it."""

    target: Target
    what: str
    notice: str
    """What its clients notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The steps of one phase, each after those that it needs."""

    phase: str
    steps: tuple[Step, ...]
    left: tuple[LeftBehind, ...] = ()
    """What a changed site leaves behind; a person decides about it."""
    consequences: tuple[Consequence, ...] = ()
    """What Kuryr then does to Services that are in use."""

    def __post_init__(self) -> None:
        """Raises ValueError if a step needs a target that no earlier step has."""
        seen: set[Target] = set()
        for step in self.steps:
            if unmet := step.needs - seen:
                raise ValueError(f"{step.target} is before {', '.join(map(str, unmet))}")
            seen.add(step.target)

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that would change something."""
        return tuple(step for step in self.steps if step.action is not Action.KEEP)

    def counts(self) -> dict[Action, int]:
        """The number of steps of each action that occurs."""
        found = [step.action for step in self.steps]
        return {action: found.count(action) for action in Action if action in found}


def staged(*stages: Iterable[Step]) -> Iterator[Step]:
    """The steps of all stages, each of which waits for the previous one."""
    before: frozenset[Target] = frozenset()
    for stage in stages:
        steps = [replace(step, after=step.after | (before - {step.target})) for step in stage]
        yield from steps
        if steps:
            before = frozenset(step.target for step in steps)


class Done(StrEnum):
    """How a step ended."""

    DONE = "done"
    KEPT = "kept"
    FAILED = "failed"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a step; `known` are the fields that later steps may refer to."""

    step: Step
    done: Done
    known: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    ended: datetime | None = None
    """When it was done; None if there was nothing to do."""


def laters(value: object) -> Iterator[Later]:
    """Every `Later` inside a body, at any depth."""
    match value:
        case Later():
            yield value
        case Mapping():
            for item in value.values():
                yield from laters(item)
        case _ if is_dataclass(value):
            for part in fields(value):
                yield from laters(getattr(value, part.name))
        case list() | tuple():
            for item in value:
                yield from laters(item)


def resolve(value: Any, known: Mapping[Target, Mapping[str, Any]]) -> Any:
    """The same body with every `Later` replaced; KeyError if its target is not known."""
    match value:
        case Later(target=target, field=name):
            return known[target][name]
        case Mapping():
            return {key: resolve(item, known) for key, item in value.items()}
        case _ if is_dataclass(value) and not isinstance(value, type):
            parts = {part.name: getattr(value, part.name) for part in fields(value)}
            return replace(value, **{name: resolve(item, known) for name, item in parts.items()})
        case list():
            return [resolve(item, known) for item in value]
        case tuple():
            return tuple(resolve(item, known) for item in value)
        case _:
            return value

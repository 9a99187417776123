"""What the parts of one plan share: what is wanted, what was read, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kuryr_runbook.model.plan import Action, Later, Step, Target, field_changes
from kuryr_runbook.model.site_values import is_id
from kuryr_runbook.snapshots.openstack import OpenStackSnapshot
from kuryr_runbook.specs.openstack import OpenStackSpec

Resource = Mapping[str, Any]
Ref = str | Later
"""The id of what exists, or what stands for it until it does."""


@dataclass(frozen=True, slots=True)
class Gathering:
    """Steps and problems, as they are found."""

    spec: OpenStackSpec
    snapshot: OpenStackSnapshot
    steps: list[Step] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What exists and does not fit, in words: one is enough to refuse the plan."""

    def owns(self, resource: Resource) -> bool:
        """Whether the runbook made it, for this site."""
        return bool(resource["description"] == self.spec.owner)

    def found(self, kind: str, name: str, given_id: str | None, key: str) -> Resource | None:
        """The one resource of that id or name; a problem when there is none."""
        found = self.find(kind, name, given_id, key)
        if found is None and not given_id and not is_id(name):
            self.problems.append(f"{kind} {name} ({key}) does not exist, and must")
        return found

    def find(self, kind: str, name: str, given_id: str | None, key: str) -> Resource | None:
        """The one resource of that id or name, or None; `key` is its place in the site file.

        What has a name that is an id is not to be made: it is a problem that there is none.
        """
        if given_id:
            found = self.snapshot.by_id(kind, given_id)
            if found is None:
                self.problems.append(f"{kind} {given_id} ({key}_id) does not exist")
            return found
        named = self.snapshot.named(kind, name)
        if len(named) > 1:
            ids = ", ".join(str(item["id"]) for item in named)
            self.problems.append(
                f"{len(named)} {kind}s are named {name} ({key}): put the id there, in the place of "
                f"the name ({ids})"
            )
        if not named and is_id(name):
            self.problems.append(f"there is no {kind} with the id {name} ({key})")
        return named[0] if named else None

    def keep(self, kind: str, name: str, resource: Resource, because: str) -> str:
        """It is there and used; gives its id."""
        self.steps.append(
            Step(
                action=Action.KEEP,
                target=Target(kind, name),
                id=resource["id"],
                because=because,
                known=resource,
            )
        )
        return str(resource["id"])

    def create(self, kind: str, name: str, body: Mapping[str, Any], because: str) -> Later:
        """It is made; gives what stands for its id."""
        target = Target(kind, name)
        self.create_step(target, body, because)
        return Later(target)

    def create_step(self, target: Target, body: Mapping[str, Any], because: str) -> None:
        """It is made, with the mark by which teardown knows it."""
        marked = self.marked(body)
        self.steps.append(
            Step(
                action=Action.CREATE,
                target=target,
                because=because,
                body=marked,
                changes=field_changes(marked),
            )
        )

    def marked(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What is asked for, with the mark of the owner."""
        return {**body, "description": self.spec.owner}

    def update_step(
        self, target: Target, resource: Resource, body: Mapping[str, Any], because: str
    ) -> None:
        """These fields of it are changed."""
        self.steps.append(
            Step(
                action=Action.UPDATE,
                target=target,
                id=resource["id"],
                because=because,
                body=body,
                changes=field_changes(body, resource),
            )
        )

    def delete_step(self, target: Target, resource: Resource, because: str) -> None:
        """It goes."""
        self.steps.append(
            Step(action=Action.DELETE, target=target, id=resource["id"], because=because)
        )

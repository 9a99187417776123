"""What the parts of a plan share: what is wanted, what was read, and the steps so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from kuryr_runbook.model.plan import (
    Action,
    Differences,
    Later,
    Step,
    Target,
    changed,
    field_changes,
)
from kuryr_runbook.model.site_values import is_id
from kuryr_runbook.snapshots.cloud.lookup import Named, SeveralError, find
from kuryr_runbook.snapshots.cloud.ownership import Described
from kuryr_runbook.snapshots.cloud.resources import Member, Pool, Port, Rule, Subnet
from kuryr_runbook.snapshots.cloud.state import CloudState
from kuryr_runbook.snapshots.reading import known
from kuryr_runbook.specs.openstack import OpenStackSpec
from kuryr_runbook.specs.wanted import Wanted

T = TypeVar("T", bound=Named)
Ref = str | Later
"""The id of an existing resource, or a placeholder until it exists."""


def target_of(wanted: Wanted) -> Target:
    """The target of steps about it: the name in the site file, even if that also has an id."""
    return Target(wanted.kind, wanted.name)


@dataclass(frozen=True, slots=True)
class Problem:
    """What exists and does not fit."""

    target: Target
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Gathering:
    """Steps and problems, as they are found."""

    spec: OpenStackSpec
    cloud: CloudState
    steps: list[Step] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    """Existing resources that do not fit: a single one prevents the plan."""

    @property
    def ports(self) -> tuple[Port, ...]:
        """The project's ports."""
        return known(self.cloud.ports)

    @cached_property
    def _ports_at(self) -> dict[tuple[str, str], Port]:
        places = ((it.subnet_id, it.address, port) for port in self.ports for it in port.fixed_ips)
        return {(subnet, address): port for subnet, address, port in places}

    def port_at(self, subnet_id: str, address: str) -> Port | None:
        """The port with that address."""
        return self._ports_at.get((subnet_id, address))

    def refuse(self, target: Target, text: str) -> None:
        """Note that an existing resource cannot be used as it is."""
        self.problems.append(Problem(target, text))

    def subnet(self, subnet_id: Ref) -> Subnet | None:
        """The subnet with that id; None if it does not exist yet."""
        return next((it for it in known(self.cloud.subnets) if it.id == subnet_id), None)

    def rules_of(self, group_id: str) -> list[Rule]:
        """The rules of a security group."""
        return [it for it in known(self.cloud.rules) if it.security_group_id == group_id]

    def members_of(self, pool: Pool) -> tuple[Member, ...]:
        """The members of a pool."""
        return known(known(self.cloud.members).get(pool.id, ()))

    def owns(self, resource: Described) -> bool:
        """Whether the runbook created it, for this cluster."""
        return resource.description == self.spec.owner

    def found(self, items: Iterable[T], wanted: Wanted) -> T | None:
        """The one resource with that id or name; it is a problem if there is none."""
        before = len(self.problems)
        found = self.find(items, wanted)
        if found is None and len(self.problems) == before:
            self.refuse(target_of(wanted), f"{wanted} ({wanted.key}) does not exist, and has to")
        return found

    def find(self, items: Iterable[T], wanted: Wanted) -> T | None:
        """The one resource with that id or name, or None.

        If the name is an id, the resource cannot be created: it is a problem if there is none.
        """
        try:
            found = find(items, wanted, known(self.cloud.project_id))
        except SeveralError as several:
            self.refuse(target_of(wanted), several.message)
            return None
        if found is None and wanted.given_id:
            self.refuse(target_of(wanted), f"{wanted} ({wanted.key}_id) does not exist")
        elif found is None and is_id(wanted.name):
            self.refuse(
                target_of(wanted),
                f"there is no {wanted.kind} with the id {wanted.name} ({wanted.key})",
            )
        return found

    def keep(self, target: Target, resource_id: str, because: str) -> str:
        """Use an existing resource; returns its id."""
        self.steps.append(Step(action=Action.KEEP, target=target, id=resource_id, because=because))
        return resource_id

    def create(self, target: Target, body: Mapping[str, Any], because: str) -> Later:
        """Create it, with the mark for teardown; returns a placeholder for its id."""
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
        return Later(target)

    def marked(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The request's body, with the owner's mark."""
        return {**body, "description": self.spec.owner}

    def update(self, target: Target, resource_id: str, wanted: Differences, because: str) -> str:
        """Change these fields; returns its id."""
        self.steps.append(
            Step(
                action=Action.UPDATE,
                target=target,
                id=resource_id,
                because=because,
                body={name: after for name, (_, after) in wanted.items()},
                changes=changed(wanted),
            )
        )
        return resource_id

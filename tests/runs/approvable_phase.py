"""A phase that needs neither cloud nor cluster, for notebooks of tests."""

from __future__ import annotations

import time
from collections.abc import Iterable

from worlds.memory_leases import MemoryLeases

from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.plan import (
    Action,
    Change,
    Done,
    Outcome,
    Plan,
    Step,
    Target,
    field_changes,
)
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.waits import polling

DONE = dict.fromkeys(Action, Done.DONE) | {Action.KEEP: Done.KEPT}
LONG = "a group with a rather long name that no column of a table was made for"


class Approvable(Phase):
    """Makes two subnets, in memory."""

    name = "approvable"
    leases = MemoryLeases()
    made: tuple[Step, ...] = ()

    def make_plan(self) -> Plan:
        """Two creations, and a change that pods notice."""
        kept = Step(action=Action.KEEP, target=Target("network", "nodes"), because="exists")
        update = Step(
            action=Action.UPDATE,
            target=Target("subnet", "services"),
            because="1 field differs",
            id="0b1c",
            changes=(Change("enable_dhcp", "true", "false"),),
            disturbs="nothing is disturbed",
        )
        steps = [_creation("subnet", "pods"), _creation("security_group", LONG), update]
        return Plan(phase=self.name, steps=(kept, *(it for it in steps if it not in self.made)))

    def carry_out(self, plan: Plan) -> list[Outcome]:
        """Remember, and wait for a moment."""
        start = time.monotonic()
        polling.wait_for(
            "load balancer demo with all its members",
            60.0,
            lambda: (time.monotonic() - start > 2, "PENDING_CREATE, 2 of 4 members"),
        )
        self.made = plan.steps
        return [Outcome(step=step, done=DONE[step.action], seconds=2.0) for step in plan.steps]

    def findings(self) -> Iterable[Finding]:
        """One of each."""
        for status in (Status.PASS, Status.WARN, Status.SKIP):
            yield Finding(
                check=f"check-{status}",
                title=f"a check that ends with {status}",
                status=status,
                evidence="4 of 4 pods answered",
                remedy="" if status is Status.PASS else "look at the security group of the nodes",
            )


class Tall(Approvable):
    """Makes forty subnets, so that its plan is higher than a window."""

    def make_plan(self) -> Plan:
        """Forty creations."""
        steps = (_creation("subnet", f"pods-of-zone-{number}") for number in range(1, 41))
        return Plan(phase=self.name, steps=tuple(steps))


def _creation(kind: str, name: str) -> Step:
    fields = {"name": name, "cidr": "10.1.0.0/24", "description": "made by a test"}
    return Step(
        action=Action.CREATE,
        target=Target(kind, name),
        because="there is none of that name",
        changes=field_changes(fields),
    )

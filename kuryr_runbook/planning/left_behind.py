"""What a changed site leaves behind: the runbook made it, and the site does not name it any more.

Phase 02 creates what the site names now, and does not touch what it named before: pods may still
use it. Teardown finds that by the mark, and so do we.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from kuryr_runbook.model.bodies import RouterLeg
from kuryr_runbook.model.plan import Action, LeftBehind, Plan, Step
from kuryr_runbook.model.wording import counted
from kuryr_runbook.planning.teardown import runbook_removal
from kuryr_runbook.snapshots.cloud.ownership import Ownership, is_of_some_pod
from kuryr_runbook.snapshots.cloud.resources import Port
from kuryr_runbook.snapshots.reading import known

NAMED = 3
"""How many ports a remedy names; the rest are counted."""


def with_left_behind(plan: Plan, ownership: Ownership) -> Plan:
    """Phase 02's plan with what it leaves behind, in the order in which it can be removed."""
    used = frozenset(step.id for step in plan.steps if step.id)
    removal = [
        step
        for stage in runbook_removal(ownership)
        for step in stage
        if step.action is Action.DELETE and step.id not in used
    ]
    left = _unneeded(removal, used, ownership)
    return replace(plan, left=tuple(_named(step, ownership) for step in left))


def _unneeded(
    removal: Iterable[Step], used: Collection[str], ownership: Ownership
) -> Iterator[Step]:
    """Without the parts of what stays: an interface of a subnet in use, a rule of such a group."""
    group_of = {rule.id: rule.security_group_id for rule in known(ownership.cloud.rules)}
    for step in removal:
        whole = group_of.get(str(step.id))
        if isinstance(step.body, RouterLeg):
            stays = step.body.subnet_id in used and step.body.router_id in used
        else:
            stays = whole is not None and whole in used
        if not stays:
            yield step


def _named(step: Step, ownership: Ownership) -> LeftBehind:
    return LeftBehind(
        target=step.target,
        id=str(step.id),
        because="the runbook made it, and the site does not name it any more",
        remedy="; then ".join(_ways(step, known(ownership.cloud.ports))),
    )


def _ways(step: Step, ports: Iterable[Port]) -> Iterator[str]:
    """What to do, in order."""
    match step.target.kind:
        case "router_interface" if isinstance(step.body, RouterLeg):
            yield from _pods_first(port for port in ports if port.is_in(str(step.body.subnet_id)))
            yield f"openstack router remove subnet {step.body.router_id} {step.body.subnet_id}"
        case "loadbalancer":
            yield f"openstack loadbalancer delete --cascade {step.id}"
        case "security_group":
            inside = [port for port in ports if step.id in port.groups]
            yield from _pods_first(inside)
            if others := [port for port in inside if not is_of_some_pod(port)]:
                yield f"openstack port unset --security-group {step.id} PORT, for {_names(others)}"
            yield f"openstack security group delete {step.id}"
        case "subnet":
            yield from _pods_first(port for port in ports if port.is_in(str(step.id)))
            yield f"openstack subnet delete {step.id}"
        case kind:
            yield f"openstack {kind.replace('_', ' ')} delete {step.id}"


def _pods_first(ports: Iterable[Port]) -> Iterator[str]:
    number = sum(map(is_of_some_pod, ports))
    if number:
        yield (
            f"replace the pods of its {counted(number, 'port')}"
            if number > 1
            else "replace the pod of its port"
        )


def _names(ports: Collection[Port]) -> str:
    names = sorted(port.name or port.id for port in ports)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"

"""What differs from the site file? Asked of the phases' own planners, which change nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from shlex import quote

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Depth, Fault
from kuryr_runbook.checking.questions.services import API
from kuryr_runbook.checking.verdicts import (
    CONTROLLER_EFFECTS,
    DAEMON_EFFECTS,
    node_victim,
    phase,
    some,
)
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.findings import Region, Status, Victim
from kuryr_runbook.model.fixes import PhaseFix
from kuryr_runbook.model.plan import Action, Step, Target, laters
from kuryr_runbook.planning.configuration import option_changes
from kuryr_runbook.planning.groups import node_port
from kuryr_runbook.specs.controller import CONFIG_SECRET
from kuryr_runbook.specs.daemon import DAEMON_CONFIG

FIXES = (PhaseFix("openstack_prep"),)
GUARDS = frozenset({"service-subnet-rule", "pod-traffic-rule", "api-rule", "egress"})
OF_BALANCER = frozenset(
    {
        *("api-balancer", "balancer-state", "switched-off", "resource-state"),
        *("balancer-settings", "api-timeouts"),
    }
)
REPORTED_BY: dict[str, frozenset[str]] = {
    "router": frozenset({"router-legs"}),
    "router_interface": frozenset({"router-legs", "subnets-exist"}),
    "subnet": frozenset({"subnets-exist", "router-legs", "allocation-pool", "network-settings"}),
    "security_group": GUARDS,
    "security_group_rule": GUARDS,
    "port": frozenset({"node-group", "node-port", "node-port-security"}),
    **dict.fromkeys(("loadbalancer", "listener", "pool", "pool_members"), OF_BALANCER),
}
"""By what a step is about: the checks that say what follows from it, and so say it better."""


EFFECTS_OF = {
    "controller": frozenset(
        {"controller-ready", "controller-restarts", "pod-subnet", *CONTROLLER_EFFECTS}
    ),
    "daemon": frozenset({"daemon-ready", *DAEMON_EFFECTS}),
}
"""What follows when a program is told something else."""


@Check(
    "node-group",
    "Every node's port is in the site's security group",
    "kuryr-kubernetes, doc/source/installation/manual.rst; phase openstack_prep puts it there",
    explains={*GUARDS, "group-too-open", "node-ready", "pod-plugged"},
    depth=Depth.GROUND,
    region=Region.GUARDS,
    faults=(
        Fault(
            "a node's port taken out of its security group, or put into another one",
            "pods of that node do not reach others, or services do not reach them",
        ),
    ),
)
def check_node_groups(look: Look) -> Iterator[Cause]:
    """The group is right where it is: another one must not be opened for such a port."""
    wanted = look.site.network.node_security_group
    owners = _owners(look)
    for step in to_change(look):
        victim = owners.get(step.target)
        if victim is None:
            continue
        port = look.ports.get(step.id or "")
        others = [look.groups.get(group, group) for group in port.groups] if port else []
        found = f"; it is in {', '.join(others)}" if others else "; it is in none"
        yield Cause(
            status=Status.WARN,
            evidence=f"port {step.id} of {victim} is not in group {wanted}{found}",
            remedy=f"openstack port set --security-group {quote(wanted)} {step.id}; or "
            f"{phase('openstack_prep')}",
            victims=(victim,),
            own=True,
            fixes=FIXES,
        )


@Check(
    "configuration",
    "kuryr.conf says what the site says",
    "the Secret of phase controller and the ConfigMap of phase daemon; kuryr-kubernetes, config.py",
    explains=frozenset().union(*EFFECTS_OF.values()),
    depth=Depth.GROUND,
    region=Region.PROGRAMS,
    faults=(
        Fault(
            "kuryr.conf edited in the cluster: another subnet, project, interface",
            "pods get addresses that lead nowhere, or none; services the same",
            "`configuration`, with the pods",
        ),
    ),
)
def check_configuration(look: Look) -> Iterator[Cause]:
    """Of the controller and of the daemons; the login is theirs alone."""
    found = look.configured
    home = look.site.kubernetes.namespace
    for phase_name, what, seen, wanted in (
        ("controller", f"Secret {home}/{CONFIG_SECRET}", found.controller, look.controller_conf),
        ("daemon", f"ConfigMap {home}/{DAEMON_CONFIG}", found.daemon, look.daemon_conf),
    ):
        changes = [] if seen is None else list(option_changes(seen, wanted))
        if changes:
            differing = [f"{it.field} is {it.before}, and {it.after} in the site" for it in changes]
            yield Cause(
                status=Status.WARN,
                evidence=f"{what}: {some(differing)}",
                remedy=phase(phase_name),
                explains=EFFECTS_OF[phase_name],
                fixes=(PhaseFix(phase_name),),
            )


@Check(
    "site-drift",
    "Networks, groups and the API's load balancer are as the site describes them",
    "the plan of phase openstack_prep, made of what was read",
    region=Region.PROJECT,
    faults=(
        Fault(
            "anything that phase 02 made or uses, changed by hand",
            "whatever follows, or nothing yet",
            "`site-drift`, or the check that knows what follows",
        ),
    ),
)
def check_drift(look: Look) -> Iterator[Cause]:
    """Each change that the phase would make, and what it would refuse."""
    owners = _owners(look)
    for step in to_change(look):
        changes = ", ".join(map(str, step.changes)) if step.action is Action.UPDATE else ""
        yield Cause(
            status=Status.WARN,
            evidence=f"{step.target}: {step.because}" + (f" ({changes})" if changes else ""),
            remedy=phase("openstack_prep"),
            victims=_victims(owners, step.target),
            reported_by=REPORTED_BY.get(step.target.kind, frozenset()),
            fixes=FIXES,
        )
    for problem in look.compared.problems:
        yield Cause(
            status=Status.WARN,
            evidence=problem.text,
            remedy="correct the site file or the resource: phase openstack_prep refuses it",
            victims=_victims(owners, problem.target),
            reported_by=REPORTED_BY.get(problem.target.kind, frozenset()),
        )


def to_change(look: Look) -> Iterator[Step]:
    """What phase 02 would change, without what needs another change first, such as a subnet."""
    changing = (it for it in look.compared.steps if it.action is not Action.KEEP)
    return (it for it in changing if not any(laters(it.body)))


def _victims(owners: Mapping[Target, Victim], target: Target) -> tuple[Victim, ...]:
    match target.kind:
        case "router_interface" | "subnet":
            return (Victim("subnet", target.name),)
        case "security_group_rule":
            return (Victim("security group", target.name.partition(":")[0]),)
        case "security_group":
            return (Victim("security group", target.name),)
        case "port":
            return (owners[target],)
        case "loadbalancer" | "listener" | "pool" | "pool_members":
            return (API,)
    return (Victim(target.kind, target.name),)


def _owners(look: Look) -> dict[Target, Victim]:
    """Whose each port is that has to be in the nodes' group."""
    names = {node.address: node.name for node in look.nodes}
    return {
        node_port(it): node_victim(names[str(it)])
        if str(it) in names
        else Victim("API server", str(it))
        for it in look.compared.spec.node_addresses
    }

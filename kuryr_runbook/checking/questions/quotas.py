"""Is there still room in the quotas that Kuryr fills?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Depth, Fault
from kuryr_runbook.checking.verdicts import readable
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.findings import Region, Status, Victim
from kuryr_runbook.snapshots.cloud.quotas import Quota

NEARLY = 0.9
"""The part of a quota from which on it is told."""

PODS = frozenset({"pod-unhandled", "controller-ready", "controller-restarts", "port-orphaned"})
BALANCERS = frozenset({"balancer-missing", "controller-restarts"})

NEUTRON: Mapping[str, tuple[str, frozenset[str]]] = {
    "port": ("ports", PODS | BALANCERS),
    "floatingip": ("floating-ips", frozenset({"external-address"})),
    "security_group": ("secgroups", BALANCERS),
    "security_group_rule": ("secgroup-rules", BALANCERS),
}
"""What Kuryr makes while it runs: the option that raises its quota, and what follows without."""
OCTAVIA: Mapping[str, frozenset[str]] = {
    "loadbalancer": BALANCERS,
    "listener": frozenset({"listener-missing", "controller-restarts"}),
    "pool": frozenset({"listener-missing", "controller-restarts"}),
    "member": frozenset({"members-differ", "controller-restarts"}),
}


@Check(
    "quota-neutron",
    "Neutron's quotas have room for ports, floating IPs and groups",
    "neutron: quota details; a port for each pod and load balancer",
    depth=Depth.GROUND,
    region=Region.PROJECT,
    faults=(
        Fault(
            "quota of ports, floating IPs, groups used up",
            "new pods or services hang",
            "`quota-neutron`; from 90 % on a warning",
        ),
    ),
)
def check_neutron(look: Look) -> Iterator[Cause]:
    """Used up is a failure as soon as something waits for it."""
    quotas = readable(look.cloud.quotas)
    for kind, (option, explains) in NEUTRON.items():
        if kind in quotas:
            remedy = (
                f"openstack quota set --{option} NUMBER {look.project}, by the cloud's operators"
            )
            yield from _nearly_full(kind, quotas[kind], remedy, explains)


@Check(
    "quota-octavia",
    "Octavia's quotas have room for load balancers and their parts",
    "octavia: quotas; a load balancer for each Service, a listener and a pool for each port",
    depth=Depth.GROUND,
    region=Region.PROJECT,
    faults=(
        Fault(
            "quota of load balancers or their parts used up",
            "new services hang",
            "`quota-octavia`; from 90 % on a warning",
        ),
    ),
)
def check_octavia(look: Look) -> Iterator[Cause]:
    """Octavia tells the limits; what is used was counted."""
    quotas = readable(look.cloud.balancer_quotas)
    for kind, explains in OCTAVIA.items():
        if kind in quotas:
            remedy = f"openstack loadbalancer quota set --{kind} NUMBER PROJECT, by the operators"
            yield from _nearly_full(kind, quotas[kind], remedy, explains)


def _nearly_full(kind: str, quota: Quota, remedy: str, explains: frozenset[str]) -> Iterator[Cause]:
    if quota.limit < 0 or quota.used < NEARLY * quota.limit:
        return
    full = quota.free == 0
    yield Cause(
        status=Status.WARN,
        evidence=f"{quota.used} of {quota.limit} {kind} used" + (": none is left" if full else ""),
        remedy=remedy,
        victims=(Victim("quota", kind),),
        facts={"limit": quota.limit, "used": quota.used},
        explains=explains if full else frozenset(),
    )

"""Can this cloud carry nested-macvlan? Asked without changing anything."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Fault, Occasion
from kuryr_runbook.checking.questions.nodes import without_pairs
from kuryr_runbook.checking.verdicts import failed, passed, service_victim, some, warned
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.checking.view.permissions import PreflightLook
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.findings import Status, Verdict
from kuryr_runbook.model.providers import OctaviaProvider
from kuryr_runbook.snapshots.reading import Unreadable

REFUSAL = "InvalidVirtualMACAddress"
AGENTS = "l3_agent_scheduler"
"""The extension of routers that agents carry; ML2/OVN takes it off Neutron's list."""
SINCE_2026_1 = frozenset({"extraroute-atomic", "ip_allocation"})
"""Extensions that ML2/OVN leaves in Neutron's list from 28.0.0 (2026.1) on (neutron,
common/ovn/extensions.py of 27.0.4 and 28.0.0)."""

REFUSES = "it refuses address pairs with a pod's MAC, so that no pod would have connectivity"
WORKS = (
    f"set kuryr.vif_driver to {VifDriver.NESTED_VLAN} or {VifDriver.NEUTRON_VIF}, which work there"
)


@Check(
    "pair-macs",
    "Neutron takes address pairs with the MACs of pods",
    "neutron 28.0.1, ml2/drivers/ovn/mech_driver, update_port_precommit: MACs of VRRP alone",
    on=(Occasion.PREFLIGHT,),
    moot=without_pairs,
)
def check_pair_macs(look: PreflightLook) -> Verdict:
    """ML2/OVN refuses them when a port that is bound is changed, from 28.0.1 (2026.1) on.

    It looks after everything else that may refuse such a change, so that no request tells it which
    cannot succeed: who binds the nodes' ports does, or else the extensions.
    """
    neutron = look.neutron
    asked, is_new = neutron.paired_port, bool(SINCE_2026_1 & neutron.extensions)
    if not isinstance(asked, Unreadable) and asked.type == REFUSAL:
        return failed(f"Neutron answers {REFUSAL}: {REFUSES}", WORKS)
    told = [port.bound_by for port in look.ports.values() if port.bound_by]
    if any("ovn" in drivers for drivers in told):
        if is_new:
            return failed(f"ML2/OVN of 2026.1 or later binds the ports: {REFUSES}", WORKS)
        return passed("ML2/OVN binds the ports, before 2026.1, which takes them")
    if told:
        return passed(f"{', '.join(sorted({*chain(*told)}))} binds the ports")
    if is_new and "router" in neutron.extensions and AGENTS not in neutron.extensions:
        return warned(
            "Neutron does not show who binds the ports; by its extensions it is ML2/OVN of 2026.1 "
            f"or later: {REFUSES}",
            f"ask the cloud's operators; if it is, {WORKS}",
        )
    return passed("by Neutron's extensions it is no ML2/OVN of 2026.1 or later")


@Check(
    "macvlan-with-ovn",
    "No load balancer of the provider ovn stands before pods with nested-macvlan",
    "seen with ovn-octavia-provider 11.0.0: the answer of a pod of the same node stays on the "
    "node's own bridge, and meets no OVN that could turn its address back",
    moot=without_pairs,
    faults=(
        Fault(
            "load balancers of the provider ovn before nested-macvlan",
            "a pod gets no answer from pods of its own node",
        ),
    ),
)
def check_ovn_balancers(look: Look) -> Iterator[Cause]:
    """The site's provider cannot be ovn then, but the cloud's default may be."""
    theirs = [(service, it) for service, it in look.served if it.provider == OctaviaProvider.OVN]
    if theirs:
        yield Cause(
            status=Status.WARN,
            evidence=f"{some([it.name for _, it in theirs])}: a pod that asks there gets no answer "
            "from a pod of its own node",
            remedy="have the cloud's default provider set to amphora, then openstack loadbalancer "
            "delete --cascade ID, which Kuryr makes anew; or use another kuryr.vif_driver",
            victims=tuple(service_victim(service) for service, _ in theirs),
        )

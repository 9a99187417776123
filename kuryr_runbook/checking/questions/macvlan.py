"""Does this cloud support nested-macvlan? Checked without changing anything."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Fault, Occasion
from kuryr_runbook.checking.questions.nodes import without_pairs
from kuryr_runbook.checking.remedies import replace_balancer
from kuryr_runbook.checking.verdicts import failed, passed, service_victim, some, warned
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.checking.view.permissions import PreflightLook
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.findings import Status, Verdict
from kuryr_runbook.model.providers import OctaviaProvider
from kuryr_runbook.snapshots.reading import Unreadable

REFUSAL = "InvalidVirtualMACAddress"
AGENTS = "l3_agent_scheduler"
"""The extension for routers on agents; ML2/OVN removes it from Neutron's list."""
SINCE_2026_1 = frozenset({"extraroute-atomic", "ip_allocation"})
"""Extensions that ML2/OVN keeps in Neutron's list from 28.0.0 (2026.1) on (neutron,
common/ovn/extensions.py of 27.0.4 and 28.0.0)."""

REFUSES = "it refuses address pairs with a pod's MAC, so that no pod would have connectivity"
WORKS = (
    f"set kuryr.vif_driver to {VifDriver.NESTED_VLAN} or {VifDriver.NEUTRON_VIF}, which work there"
)


@Check(
    "pair-macs",
    "Neutron accepts address pairs with the MACs of pods",
    "neutron 28.0.1, ml2/drivers/ovn/mech_driver, update_port_precommit: only MACs of VRRP",
    on=(Occasion.PREFLIGHT,),
    moot=without_pairs,
)
def check_pair_macs(look: PreflightLook) -> Verdict:
    """ML2/OVN refuses them when a bound port is changed, from 28.0.1 (2026.1) on.

    It checks this after everything else that may refuse such a change, so no probe can show it:
    what binds the nodes' ports does, or else the extensions.
    """
    neutron = look.neutron
    asked, is_new = neutron.paired_port, bool(SINCE_2026_1 & neutron.extensions)
    if not isinstance(asked, Unreadable) and asked.type == REFUSAL:
        return failed(f"Neutron answers {REFUSAL}: {REFUSES}", WORKS)
    binders = [port.bound_by for port in look.ports.values() if port.bound_by]
    if any("ovn" in drivers for drivers in binders):
        if is_new:
            return failed(f"ML2/OVN of 2026.1 or later binds the ports: {REFUSES}", WORKS)
        return passed("ML2/OVN before 2026.1 binds the ports, and accepts them")
    if binders:
        return passed(f"{', '.join(sorted({*chain(*binders)}))} binds the ports")
    if is_new and "router" in neutron.extensions and AGENTS not in neutron.extensions:
        return warned(
            "Neutron does not show what binds the ports; by its extensions it is ML2/OVN of 2026.1 "
            f"or later: {REFUSES}",
            f"ask the cloud's operators; if it is, {WORKS}",
        )
    return passed("by Neutron's extensions it is not ML2/OVN of 2026.1 or later")


@Check(
    "macvlan-with-ovn",
    "No load balancer of the provider ovn serves pods with nested-macvlan",
    "seen with ovn-octavia-provider 11.0.0: the response of a pod on the same node stays on the "
    "node's own bridge, where no OVN can translate its address back",
    moot=without_pairs,
    faults=(
        Fault(
            "load balancers of the provider ovn with nested-macvlan",
            "a pod gets no answer from pods on its own node",
        ),
    ),
)
def check_ovn_balancers(look: Look) -> Iterator[Cause]:
    """The site's provider cannot be ovn with this driver, but the cloud's default may be."""
    theirs = [(service, it) for service, it in look.served if it.provider == OctaviaProvider.OVN]
    if theirs:
        yield Cause(
            status=Status.WARN,
            evidence=f"{some([it.name for _, it in theirs])}: a pod that uses them gets no "
            "answer from a pod on its own node",
            remedy="have the cloud's default provider set to amphora, then "
            f"{replace_balancer(look, theirs[0][1], service_victim(theirs[0][0]))}; or use another "
            "kuryr.vif_driver",
            victims=tuple(service_victim(service) for service, _ in theirs),
        )

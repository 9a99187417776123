"""Do Neutron's agents on the nodes plug what neutron-vif asks for?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Depth, Fault, Occasion
from kuryr_runbook.checking.verdicts import node_victim, passed, readable, skipped, some
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.findings import Status, Verdict
from kuryr_runbook.model.site import Site

KINDS = ("Open vSwitch agent", "OVN Controller")
"""How the types of agents begin that plug ports into a host's switch: `neutron agent-list`."""
LOOK = "openstack network agent list"


def _without_agents(site: Site) -> str:
    """Why no agent of Neutron is needed on the nodes; empty: there has to be one."""
    return "" if site.driver.plugs_into_ovs else f"{site.kuryr.vif_driver} needs none on the nodes"


@Check(
    "node-agent",
    "Neutron's agent is alive on every node, under the node's name",
    "kuryr-kubernetes, controller/drivers/neutron_vif.py: binding:host_id is the node's name",
    on=(Occasion.PREFLIGHT, Occasion.DIAGNOSIS),
    explains={"pod-unhandled", "pod-interface-inactive", "controller-log", "controller-restarts"},
    moot=_without_agents,
    depth=Depth.GROUND,
    faults=(
        Fault(
            "no agent of Neutron on a node (neutron-vif), a dead one, or one of another name",
            "pods on that node hang: their ports are not bound",
        ),
    ),
)
def check_agents(look: Look) -> Iterator[Verdict]:
    """Neutron binds a pod's port only on a host on which an agent of it is alive."""
    agents = [it for it in readable(look.cloud.agents) if it.kind.startswith(KINDS)]
    if not agents:
        yield skipped(f"Neutron shows agents to administrators only; for them: {LOOK}")
        return
    hosts = {it.host: it for it in agents}
    workers = [node.name for node in look.nodes if node.schedulable]
    if lost := [name for name in workers if name not in hosts]:
        others = sorted(hosts.keys() - set(workers))
        there = f"; there are some on {some(others)}" if others else ""
        yield _unplugged(
            lost,
            f"there is none on {some(lost)}{there}",
            "install Neutron's agent there (ovn-controller or the Open vSwitch agent), or "
            "give it the node's name: with OVN `ovs-vsctl set Open_vSwitch . "
            f"external_ids:hostname={lost[0]}` on the node, else `host` in neutron.conf",
        )
    if dead := [name for name in workers if name in hosts and not hosts[name].is_alive]:
        yield _unplugged(
            dead,
            f"that on {some(dead)} is not alive",
            f"start it again on {some(dead)}; {LOOK} (shows when it was last seen)",
        )
    if off := [name for name in workers if name in hosts and not hosts[name].admin_state_up]:
        yield _unplugged(
            off,
            f"that on {some(off)} is switched off",
            f"openstack network agent set --enable {hosts[off[0]].id}",
        )
    yield passed(f"{len(workers)} of {len(workers)}")


def _unplugged(nodes: Sequence[str], evidence: str, remedy: str) -> Cause:
    """Why the ports of these nodes' pods are not bound."""
    return Cause(
        status=Status.FAIL,
        evidence=evidence,
        remedy=remedy,
        victims=tuple(map(node_victim, nodes)),
        nodes=frozenset(nodes),
    )

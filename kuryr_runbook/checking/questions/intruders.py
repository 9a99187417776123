"""Checks for programs that already do Kuryr's work: services, pods' networks, load balancers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kuryr_runbook.checking.checks import Check, Depth, Fault, Occasion
from kuryr_runbook.checking.verdicts import (
    CouldNotLook,
    failed,
    node_victim,
    passed,
    skipped,
    some,
    warned,
)
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.checking.view.permissions import PreflightLook
from kuryr_runbook.model.findings import Region, Verdict, Victim
from kuryr_runbook.model.wording import agreeing, counted
from kuryr_runbook.snapshots.cluster.deployed import CLOUD_CONTROLLER, Program

NETWORKS = {
    "calico-node": "Calico",
    "canal": "Canal",
    "kube-flannel": "Flannel",
    "cilium": "Cilium",
    "weave-net": "Weave Net",
    "antrea-agent": "Antrea",
    "ovnkube": "OVN-Kubernetes",
    "kube-router": "kube-router",
    "kindnet": "kindnet",
}
"""Prefixes of the names of other networks' DaemonSets."""
MULTUS = "kube-multus"

SERVICE_CONTROLLERS = {"service", "service-lb-controller"}
"""Names of the controller that creates load balancers; the second from 1.28 on."""


@Check(
    "kube-proxy",
    "There is no kube-proxy",
    "kuryr-kubernetes, doc/source/installation/manual.rst: Octavia takes its place",
    on=(Occasion.PREFLIGHT, Occasion.DIAGNOSIS),
    depth=Depth.GROUND,
    region=Region.PROGRAMS,
    faults=(
        Fault(
            "kube-proxy is there, or came back",
            "services answer, but not through their load balancers, so faults of these are hidden",
            "`kube-proxy`, also in preflight",
        ),
    ),
)
def check_kube_proxy(look: Look) -> Verdict:
    """It would answer at ClusterIPs on every node, instead of Octavia's load balancers."""
    found = [_victim(it) for it in look.deployed if it.name.startswith("kube-proxy")]
    if found:
        return failed(
            some([str(it) for it in found]),
            f"{_removal(it for it in look.deployed if it.name.startswith('kube-proxy'))}; and its "
            "rules from the nodes: kube-proxy --cleanup, or a reboot",
            *found,
        )
    return passed("no DaemonSet, Deployment or pod of that name; one outside of the cluster does "
                  "not show here")  # fmt: skip


@Check(
    "other-network",
    "There is no other CNI network",
    "kubelet: it uses the first CNI configuration by its file name",
    on=(Occasion.PREFLIGHT, Occasion.DIAGNOSIS),
    explains={"other-plugin"},
    depth=Depth.GROUND,
    region=Region.PROGRAMS,
    faults=(
        Fault(
            "the DaemonSet of another network was installed",
            "pods get an address from it, or hang, node by node",
            "`other-network`, also in preflight",
        ),
    ),
)
def check_other_network(look: Look) -> Verdict:
    """The kubelet uses one configuration: the first by its file name."""
    sets = [p for p in look.deployed if p.kind == "DaemonSet"]
    found = [
        (network, program)
        for begin, network in NETWORKS.items()
        for program in sets
        if program.name.startswith(begin)
    ]
    if found:
        return failed(
            some([f"{network}: {program}" for network, program in found]),
            f"{_removal(program for _, program in found)}; remove its files in /etc/cni/net.d on "
            "the nodes, too; pods that have an address from it have to be created again",
        )
    multus = [str(program) for program in sets if program.name.startswith(MULTUS)]
    if multus:
        return warned(
            f"Multus: {some(multus)}",
            "make it delegate to Kuryr's configuration, 10-kuryr.conf; the runbook was not tested "
            "with it",
        )
    return passed("none of those that we know")


@Check(
    "cni-configuration",
    "No CNI configuration lies on the nodes yet",
    "kubelet: a node is ready once it finds a CNI configuration",
    on=(Occasion.PREFLIGHT,),
)
def check_cni_configuration(look: PreflightLook) -> Verdict:
    """A kubelet reports its node as Ready if it finds one, so Ready nodes have a forgotten one."""
    if look.kuryr_is_installed:
        return skipped("Kuryr is installed, so the nodes may be Ready because of it")
    nodes = look.nodes
    if not nodes:
        raise CouldNotLook("the cluster shows no node")
    ready = [node.name for node in nodes if node.ready]
    if ready:
        return warned(
            f"{len(ready)} of {counted(len(nodes), 'node')} "
            f"{agreeing(len(ready), 'is', 'are')} Ready without Kuryr: {some(ready)}",
            "check /etc/cni/net.d on them, and remove what another network left; shortly after a "
            "teardown the kubelets may not have noticed yet",
            *map(node_victim, ready),
        )
    return passed(f"none of {counted(len(nodes), 'node')} is Ready")


@Check(
    "service-controller",
    "No cloud controller makes load balancers",
    "cloud-provider-openstack: it makes one for each Service of type LoadBalancer",
    on=(Occasion.PREFLIGHT,),
)
def check_service_controller(look: PreflightLook) -> Verdict:
    """It would create a second one, kube_service_..., for each Service of type LoadBalancer."""
    found = [p for p in look.deployed if _controls_cloud(p.words)]
    making = [program for program in found if _makes_balancers(program)]
    if making:
        return warned(
            some([str(program) for program in making]),
            "switch its service controller off: --controllers=*,-service (from 1.28 on "
            "*,-service-lb-controller), or enabled=false in [LoadBalancer] of its cloud.conf",
            *map(_victim, making),
        )
    if found:
        return passed(f"{some([str(program) for program in found])}: its service controller is off")
    return passed("no OpenStack cloud controller is seen; one outside of the cluster does not "
                  "show here")  # fmt: skip


def _removal(programs: Iterable[Program]) -> str:
    return "; ".join(
        f"kubectl -n {it.namespace} delete {it.kind.lower()} {it.name}" for it in programs
    )


def _victim(program: Program) -> Victim:
    return Victim(program.kind, program.name, program.namespace)


def _controls_cloud(words: Sequence[str]) -> bool:
    """Whether a program is the cloud controller, or the controller manager with the old one."""
    in_tree = any("kube-controller-manager" in word for word in words)
    return any(CLOUD_CONTROLLER in word for word in words) or (
        in_tree and _option(words, "cloud-provider") == "openstack"
    )


def _makes_balancers(program: Program) -> bool:
    if program.load_balancing is False:
        return False
    chosen = _option(program.words, "controllers")
    if chosen is None:
        return True
    names = set(chosen.split(","))
    if names & {f"-{name}" for name in SERVICE_CONTROLLERS}:
        return False
    return bool(names & {"*", *SERVICE_CONTROLLERS})


def _option(words: Sequence[str], name: str) -> str | None:
    """The value of a command line's option: --name=value, or --name value.

    A command may be one line for a shell.
    """
    split = [piece for word in words for piece in word.split()]
    for index, word in enumerate(split):
        option, equals, value = word.partition("=")
        if option == f"--{name}":
            following = split[index + 1] if index + 1 < len(split) else ""
            return (value if equals else following).strip("\"'")
    return None

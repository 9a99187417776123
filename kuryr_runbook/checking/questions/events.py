"""What events say about pods that Kuryr never learns of, or that another network plugs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Depth, Fault
from kuryr_runbook.checking.remedies import about, delete_pods, restart_daemon
from kuryr_runbook.checking.signs.kubelet import foreign_plugin, missing_plugin, remedy_of
from kuryr_runbook.checking.verdicts import (
    CONTROLLER_EFFECTS,
    DAEMON_EFFECTS,
    CouldNotLook,
    pod_victim,
    readable,
    some,
)
from kuryr_runbook.checking.view.cloud import Look, ipv4, ipv4_range
from kuryr_runbook.model.findings import Region, Status, Victim
from kuryr_runbook.model.wording import counted
from kuryr_runbook.snapshots.cluster.objects import Pod, Warned
from kuryr_runbook.snapshots.cluster.vif import PodVif

LASTING = 1200.0
"""Seconds for which a denial of a pod still counts: controllers try again every 17 minutes at the
latest (kubernetes, workqueue: 1000 s)."""
FIRST_FILE = "the first file by its name in /etc/cni/net.d wins"


@Check(
    "other-plugin",
    "No other network plugs pods",
    f"kubelet and container runtime: {FIRST_FILE}",
    explains={
        "pod-unhandled",
        "pod-plugged",
        "pod-port-differs",
        "pod-interface-inactive",
        "address-pair",
        "members-differ",
        "subport",
    },
    depth=Depth.GROUND,
    region=Region.NODES,
    faults=(
        Fault(
            "a configuration of another network sorts before Kuryr's in /etc/cni/net.d",
            "pods on that node hang with that plugin's error, or run with an address outside of "
            "Kuryr's subnets",
        ),
    ),
)
def check_other_plugin(look: Look) -> Iterator[Cause]:
    """From the kubelet's events about waiting pods, and addresses outside of Kuryr's subnets."""
    ranges = [ipv4_range(subnet.cidr) for subnet in look.pod_subnets]
    ours = [it for it in ranges if it is not None]
    if len(ours) < len(ranges):
        raise CouldNotLook("the range of the pods' subnet cannot be read")
    outside = f"addresses outside of {some([str(it) for it in ours])}"
    plugins: dict[str, list[Pod]] = defaultdict(list)
    for pod in look.pods:
        address = ipv4(pod.address) if pod.address else None
        inside = address is None or any(address in it for it in ours)
        if not inside and not _is_of_its_port(look, pod):
            plugins[f"{outside}, such as {address}"].append(pod)
        elif not pod.address and (plugin := foreign_plugin(look.pod_warning(pod))):
            plugins[f"the plugin {plugin}"].append(pod)
    for what, hit in plugins.items():
        nodes = sorted({pod.node for pod in hit})
        yield Cause(
            status=Status.FAIL,
            evidence=f"{what}: {counted(len(hit), 'pod')} on {some(nodes)}, the first {hit[0]}",
            remedy=f"ls /etc/cni/net.d on {nodes[0]}: {FIRST_FILE}, and it has to be Kuryr's; "
            f"remove what another network left; then {delete_pods(hit)}",
            victims=tuple(map(pod_victim, hit)),
            own=True,
        )


def _is_of_its_port(look: Look, pod: Pod) -> bool:
    """Whether Kuryr gave the address, in whatever subnet."""
    vif = look.vif(pod)
    port = look.ports.get(vif.port_id) if isinstance(vif, PodVif) else None
    return port is not None and pod.address in port.addresses


@Check(
    "plugin-missing",
    "The nodes have the plugins that their CNI configuration names",
    'libcni: `failed to find plugin "..." in path`',
    explains={"pod-unhandled", "pod-plugged"},
    depth=Depth.GROUND,
    region=Region.NODES,
    faults=(
        Fault(
            "a plugin's program is not in /opt/cni/bin",
            "pods on that node hang: `failed to find plugin`",
        ),
    ),
)
def check_plugin_missing(look: Look) -> Iterator[Cause]:
    """Kuryr's is installed by its daemon, Kubernetes' own by the node's packages."""
    missing: dict[str, list[Pod]] = defaultdict(list)
    for pod in look.pods:
        if not pod.address and (plugin := missing_plugin(look.pod_warning(pod))):
            missing[plugin].append(pod)
    for plugin, hit in missing.items():
        nodes = sorted({pod.node for pod in hit})
        yield Cause(
            status=Status.FAIL,
            evidence=f"the plugin {plugin} is not in /opt/cni/bin of {some(nodes)}",
            remedy=_bringing(look, plugin, nodes[0]),
            victims=tuple(map(pod_victim, hit)),
            own=True,
        )


def _bringing(look: Look, plugin: str, node: str) -> str:
    if "kuryr" not in plugin:
        return (
            "install the plugins of containernetworking in /opt/cni/bin there (Debian: "
            "containernetworking-plugins, Kubernetes' own packages: kubernetes-cni)"
        )
    if look.site.kuryr.cni_plugin == "preinstalled":
        return f"put it into /opt/cni/bin of {node} again: the site says that it is preinstalled"
    return f"{restart_daemon(look, node)}; the daemon installs it when it starts"


@Check(
    "pods-denied",
    "No quota, taint or policy of the cluster prevents pods from being created or scheduled",
    "kubernetes: events FailedCreate and FailedScheduling",
    depth=Depth.GROUND,
    region=Region.PODS,
    faults=(
        Fault(
            "a quota, a taint, PodSecurity or an admission webhook prevents pods from being "
            "created or scheduled",
            "they do not exist, or are Pending",
            "`pods-denied`: a failure for Kuryr's own pods, a warning for others",
        ),
    ),
)
def check_denied(look: Look) -> Iterator[Cause]:
    """A failure for Kuryr's own programs, since everything waits for them; else a warning."""
    by_message: dict[tuple[str, bool], list[Victim]] = defaultdict(list)
    for event, victim in _denials(look):
        own = any(
            event.namespace == it.namespace and event.name.startswith(it.name)
            for it in (look.places.controller, look.places.daemon)
        )
        by_message[f"{event.reason}: {event.message}", own].append(victim)
    for (message, own), victims in by_message.items():
        names = [victim.name for victim in victims]
        yield Cause(
            status=Status.FAIL if own else Status.WARN,
            evidence=f"{some([str(it) for it in victims])}: {message}",
            remedy=about(remedy_of(message), victims[0]),
            victims=tuple(victims),
            explains=_effects(look, names) if own else frozenset(),
        )


def _effects(look: Look, names: list[str]) -> frozenset[str]:
    if any(name.startswith(look.places.controller.name) for name in names):
        return frozenset({"controller-ready", *CONTROLLER_EFFECTS})
    return frozenset({"daemon-there", "daemon-ready", *DAEMON_EFFECTS})


def _denials(look: Look) -> Iterator[tuple[Warned, Victim]]:
    """The last denial by each object, if it still applies."""
    unplaced = {(pod.namespace, pod.name) for pod in look.all_pods if not pod.node}
    unplaced |= {
        (look.site.kubernetes.namespace, pod.name)
        for pod in (*look.programs.controllers, *look.programs.daemons)
        if not pod.node
    }
    last: dict[Victim, Warned] = {}
    for event in readable(look.cluster.events):
        if event.reason == "FailedScheduling":
            counts = event.kind == "Pod" and (event.namespace, event.name) in unplaced
        else:
            counts = event.reason == "FailedCreate" and not look.is_old(event.last, LASTING)
        if counts:
            last[Victim(event.kind.lower(), event.name, event.namespace)] = event
    return ((event, victim) for victim, event in last.items())

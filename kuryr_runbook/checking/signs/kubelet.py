"""Signs of events: what the kubelet, the scheduler and controllers say of pods that do not start.

Texts of containerd, CRI-O, libcni and of other networks' plugins; kube-scheduler; admission.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TYPE = re.compile(r"plugin type=\\?\"([\w.-]+)\\?\"")
_LACKING = re.compile(r"failed to find plugin \\?\"([\w.-]+)\\?\"")
_PLACES = {
    "flannel": re.compile(r"/run/flannel/|\bflannel\b"),
    "calico": re.compile(r"/var/lib/calico/|\bcalico\b|projectcalico"),
    "cilium": re.compile(r"/var/run/cilium/|\bcilium\b"),
    "weave-net": re.compile(r"127\.0\.0\.1:6784|\bweave(?:-net)?\b"),
    "antrea": re.compile(r"/var/run/antrea/|\bantrea\b"),
    "ovn-kubernetes": re.compile(r"\bovn-k8s|/run/ovn-kubernetes"),
    "multus": re.compile(r"\bmultus\b"),
}
"""What the plugins of other networks complain of, where the runtime does not name them."""
OURS = "kuryr"


def foreign_plugin(message: str) -> str:
    """Which plugin but Kuryr's failed to plug a pod; empty: none is named."""
    named = [it for it in _TYPE.findall(message) if OURS not in it]
    if named:
        return str(named[0])
    if OURS in message.lower() or _LACKING.search(message):
        return ""
    return next((name for name, place in _PLACES.items() if place.search(message)), "")


def lacking_plugin(message: str) -> str:
    """Which plugin's program is not on the node; empty: none is said to be missing."""
    found = _LACKING.search(message)
    return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a pod is not made, or not put on a node."""

    pattern: re.Pattern[str]
    remedy: str


DENIALS = tuple(
    Denial(re.compile(pattern, re.IGNORECASE), remedy)
    for pattern, remedy in (
        (
            r"exceeded quota|failed quota|must specify limits",
            "kubectl -n NAMESPACE describe resourcequota: raise it, or have its pods ask for less",
        ),
        (
            r"PodSecurity|pod security policy|PodSecurityPolicy|privileged.{0,80}not allowed"
            r"|securityContext.{0,80}forbidden|violates",
            "kubectl label namespace NAMESPACE pod-security.kubernetes.io/enforce=privileged, as "
            "Kuryr's daemon enters pods' network namespaces and both are in the node's network",
        ),
        (
            r"admission webhook|denied the request",
            "see the webhook that the line names: kubectl get validatingwebhookconfigurations",
        ),
        (
            r"untolerated taint|had taint",
            "kubectl describe node NODE: take the taint off, or let the pod tolerate it",
        ),
        (
            r"didn't have free ports|have free ports for the requested",
            "another pod has the port of the node that it wants: a second Kuryr, or an old pod",
        ),
        (
            r"Insufficient|Too many pods",
            "the nodes have no room: take something off them, or add nodes",
        ),
        (
            r"didn't match (?:Pod's )?node (?:affinity|selector)|node\(s\) were unschedulable",
            "kubectl get nodes --show-labels: no node has what the pod selects, or all are "
            "cordoned",
        ),
    )
)
"""The more special before the more general."""
SEE_OBJECT = "kubectl -n NAMESPACE describe the object in the line"


def remedy_of(message: str) -> str:
    """What to do about a denial."""
    return next((it.remedy for it in DENIALS if it.pattern.search(message)), SEE_OBJECT)

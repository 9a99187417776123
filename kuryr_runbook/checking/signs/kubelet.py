"""Signs in events: messages of kubelet, scheduler and controllers about pods that do not start.

Texts of containerd, CRI-O, libcni and of other networks' plugins; kube-scheduler; admission.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TYPE = re.compile(r"plugin type=\\?\"([\w.-]+)\\?\"")
_MISSING = re.compile(r"failed to find plugin \\?\"([\w.-]+)\\?\"")
_PLACES = {
    "flannel": re.compile(r"/run/flannel/|\bflannel\b"),
    "calico": re.compile(r"/var/lib/calico/|\bcalico\b|projectcalico"),
    "cilium": re.compile(r"/var/run/cilium/|\bcilium\b"),
    "weave-net": re.compile(r"127\.0\.0\.1:6784|\bweave(?:-net)?\b"),
    "antrea": re.compile(r"/var/run/antrea/|\bantrea\b"),
    "ovn-kubernetes": re.compile(r"\bovn-k8s|/run/ovn-kubernetes"),
    "multus": re.compile(r"\bmultus\b"),
}
"""Messages of other networks' plugins, for runtimes that do not name the plugin."""
OURS = "kuryr"


def foreign_plugin(message: str) -> str:
    """Which plugin other than Kuryr's failed to plug a pod; empty: none is named."""
    named = [it for it in _TYPE.findall(message) if OURS not in it]
    if named:
        return str(named[0])
    if OURS in message.lower() or _MISSING.search(message):
        return ""
    return next((name for name, place in _PLACES.items() if place.search(message)), "")


def missing_plugin(message: str) -> str:
    """Which plugin's program is missing on the node; empty: the message names none."""
    found = _MISSING.search(message)
    return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a pod is not created, or not scheduled."""

    pattern: re.Pattern[str]
    remedy: str


DENIALS = tuple(
    Denial(re.compile(pattern, re.IGNORECASE), remedy)
    for pattern, remedy in (
        (
            r"exceeded quota|failed quota|must specify limits",
            "kubectl -n NAMESPACE describe resourcequota: raise it, or lower its pods' requests",
        ),
        (
            r"PodSecurity|pod security policy|PodSecurityPolicy|privileged.{0,80}not allowed"
            r"|securityContext.{0,80}forbidden|violates",
            "kubectl label namespace NAMESPACE pod-security.kubernetes.io/enforce=privileged: "
            "Kuryr's daemon enters pods' network namespaces, and both are in the node's network",
        ),
        (
            r"admission webhook|denied the request",
            "check the webhook that the line names: kubectl get validatingwebhookconfigurations",
        ),
        (
            r"untolerated taint|had taint",
            "kubectl describe node NODE: remove the taint, or let the pod tolerate it",
        ),
        (
            r"didn't have free ports|have free ports for the requested",
            "another pod uses the node's port that it needs: a second Kuryr, or an old pod",
        ),
        (
            r"Insufficient|Too many pods",
            "the nodes have no room: remove something from them, or add nodes",
        ),
        (
            r"didn't match (?:Pod's )?node (?:affinity|selector)|node\(s\) were unschedulable",
            "kubectl get nodes --show-labels: no node has what the pod selects, or all are "
            "cordoned",
        ),
    )
)
"""The more specific before the more general."""
SEE_OBJECT = "kubectl -n NAMESPACE describe the object in the line"


def remedy_of(message: str) -> str:
    """What to do about a denial."""
    return next((it.remedy for it in DENIALS if it.pattern.search(message)), SEE_OBJECT)

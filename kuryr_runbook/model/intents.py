"""What objects of the cluster ask for that Kuryr does not do, and what it means for them.

Each was looked for in the sources of all releases from Stein to 2024.1: the fields are read by
none, the rest only with drivers that the runbook does not choose.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from kuryr_runbook.model.findings import Status

if TYPE_CHECKING:
    from kuryr_runbook.model.site import Site

TIMEOUT_OPTION = "timeout_client_data"
"""The option of [octavia_defaults] that came together with the annotations for it (Xena)."""


class Wish(StrEnum):
    """What is asked for, by the field or annotation that asks."""

    SOURCE_RANGES = "spec.loadBalancerSourceRanges"
    WANTED_ADDRESS = "spec.loadBalancerIP"
    AFFINITY = "spec.sessionAffinity"
    EXTERNAL_IPS = "spec.externalIPs"
    EXTERNAL_POLICY = "spec.externalTrafficPolicy"
    INTERNAL_POLICY = "spec.internalTrafficPolicy"
    FAMILY = "spec.ipFamilies"
    CLASS = "spec.loadBalancerClass"
    TIMEOUT = "openstack.org/kuryr-timeout-"
    HOST_PORT = "hostPort"
    NETWORKS = "k8s.v1.cni.cncf.io/networks"
    BANDWIDTH = "kubernetes.io/ingress-bandwidth"
    PROJECT = "openstack.org/kuryr-project"
    CLOSED = "spec.policyTypes"


@dataclass(frozen=True, slots=True)
class Intent:
    """What an object asks for."""

    wish: Wish
    value: str
    """How it says it: addresses, names, numbers; for CLOSED ingress, egress or both."""


@dataclass(frozen=True, slots=True)
class Unmet:
    """What becomes of a wish that Kuryr does not meet."""

    status: Status
    """FAIL: what somebody wrote closed is open. WARN: something does not work as it is written."""
    reason: str
    remedy: str


_UNMET: dict[Wish, Unmet] = {
    Wish.SOURCE_RANGES: Unmet(
        Status.FAIL,
        "no release reads it: the Service is open to everybody",
        "openstack loadbalancer listener set --allowed-cidr RANGE ID for each listener of its load "
        "balancer, after every change of its ports; or have it filtered before the floating IP",
    ),
    Wish.AFFINITY: Unmet(
        Status.WARN,
        "no release reads it: requests of one client go to any pod",
        "openstack loadbalancer pool set --session-persistence type=SOURCE_IP ID, for each pool; "
        "or keep the session elsewhere than in the pod",
    ),
    Wish.EXTERNAL_IPS: Unmet(
        Status.WARN,
        "no release reads it, and there is no kube-proxy: nobody answers there",
        "use type LoadBalancer, with loadBalancerIP for a floating IP of yours",
    ),
    Wish.EXTERNAL_POLICY: Unmet(
        Status.WARN,
        "no release reads it: pods see the load balancer's address, and not the client's",
        "with Octavia's provider ovn pods see the client's; else let HTTP carry it in a header",
    ),
    Wish.INTERNAL_POLICY: Unmet(
        Status.WARN,
        "no release reads it: requests go to pods of any node",
        "use a DaemonSet's hostPort of a pod in its node's network, or a headless Service",
    ),
    Wish.FAMILY: Unmet(
        Status.WARN,
        "this runbook's sites are of IPv4: nobody answers at the Service's address of IPv6",
        "set ipFamilyPolicy: SingleStack and ipFamilies: [IPv4]",
    ),
    Wish.CLASS: Unmet(
        Status.WARN,
        "no release reads it: Kuryr makes a load balancer too, beside that of the class's own "
        "controller",
        "take it off, or use type ClusterIP and let that controller serve it otherwise",
    ),
    Wish.TIMEOUT: Unmet(
        Status.WARN,
        "releases before Xena do not read it: Octavia's timeout of 50 s holds",
        "set kuryr.release to xena or later, or openstack loadbalancer listener set "
        "--timeout-client-data MS --timeout-member-data MS ID",
    ),
    Wish.HOST_PORT: Unmet(
        Status.WARN,
        "Kuryr's plugin opens no port of the node: nobody answers there",
        "give the pod hostNetwork: true, or use a Service",
    ),
    Wish.NETWORKS: Unmet(
        Status.WARN,
        "multi-VIF is off: the pod gets no second interface",
        "take it off, or let Multus stand before Kuryr, with which the runbook is not tried",
    ),
    Wish.BANDWIDTH: Unmet(
        Status.WARN,
        "Kuryr's plugin limits nothing: the pod takes what it gets",
        "limit it by a QoS policy on the pods' network: openstack network set --qos-policy",
    ),
    Wish.PROJECT: Unmet(
        Status.WARN,
        "the project drivers are not `annotation`: its ports and load balancers are made in the "
        "site's project",
        "take it off, or give that project a site of its own",
    ),
}


def unmet(site: Site, intent: Intent) -> Unmet | None:
    """What becomes of a wish; None: it is met, or nobody can say from it alone."""
    if intent.wish is Wish.CLOSED:
        return _unenforced(site, intent)
    if intent.wish is Wish.TIMEOUT and TIMEOUT_OPTION in site.release.octavia_options:
        return None
    if intent.wish is Wish.EXTERNAL_POLICY and site.provider.keeps_client_address:
        return None
    return _UNMET.get(intent.wish)


def _unenforced(site: Site, intent: Intent) -> Unmet:
    """Policies are off: no release enforces one unless its handlers are on, and none is."""
    never = ""
    if site.driver.pods_on_node_network:
        never = f", and with {site.kuryr.vif_driver} nobody asks the groups of pods' own ports"
    return Unmet(
        Status.FAIL,
        f"network policies are off{never}: {intent.value} of the pods that it selects is open",
        "close it otherwise: by rules of the pods' security group, or by what the pods themselves "
        "ask for (TLS, tokens); delete the policy, so that nobody relies on it",
    )

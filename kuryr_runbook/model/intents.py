"""What objects of the cluster ask for and Kuryr does not do, with the consequences.

Each was searched for in the sources of all releases from Stein to 2024.1: none reads the fields,
or not as Kubernetes means them, and the rest is only read with drivers that the runbook does not
choose.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.support import policy_objections

if TYPE_CHECKING:
    from kuryr_runbook.model.site import Site

TIMEOUT_OPTION = "timeout_client_data"
"""The option of [octavia_defaults] that came together with the annotations for it (Xena)."""


class Wish(StrEnum):
    """What is asked for, named by its field or annotation."""

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
    EXCEPTIONS = "ipBlock.except"
    END_PORT = "endPort"


@dataclass(frozen=True, slots=True)
class Intent:
    """What an object asks for."""

    wish: Wish
    value: str
    """The field's value: addresses, names, numbers; for CLOSED ingress, egress or both."""

    @property
    def ranges(self) -> tuple[str, ...]:
        """The value of SOURCE_RANGES, one by one."""
        return tuple(it.strip() for it in self.value.split(","))


@dataclass(frozen=True, slots=True)
class Unmet:
    """The consequences of a wish that Kuryr does not fulfil."""

    status: Status
    """FAIL: something that should be closed is open. WARN: something does not work as specified."""
    reason: str
    remedy: str


OF_POLICIES = (Wish.EXCEPTIONS, Wish.END_PORT)
"""What only matters while network policies are enforced."""

_UNMET: dict[Wish, Unmet] = {
    Wish.SOURCE_RANGES: Unmet(
        Status.FAIL,
        "no release reads it: the Service is open to everybody",
        "have it filtered before the floating IP; or limit its load balancer's listeners, again "
        "after every change of the Service's ports",
    ),
    Wish.AFFINITY: Unmet(
        Status.WARN,
        "no release reads it: requests from one client go to any pod",
        "keep sessions outside of the pods; or make the pools of its load balancer persistent, "
        "again after every change of the Service's ports",
    ),
    Wish.EXTERNAL_IPS: Unmet(
        Status.WARN,
        "no release reads it, and there is no kube-proxy: nothing answers there",
        "use type LoadBalancer, with loadBalancerIP for a floating IP of your own",
    ),
    Wish.EXTERNAL_POLICY: Unmet(
        Status.WARN,
        "no release reads it: pods see the load balancer's address, not the client's",
        "with Octavia's provider ovn pods see the client's; else pass it in an HTTP header",
    ),
    Wish.INTERNAL_POLICY: Unmet(
        Status.WARN,
        "no release reads it: requests go to pods of any node",
        "use a DaemonSet's hostPort with pods in their node's network, or a headless Service",
    ),
    Wish.FAMILY: Unmet(
        Status.WARN,
        "this runbook's sites use IPv4: nothing answers at the Service's IPv6 address",
        "set ipFamilyPolicy: SingleStack and ipFamilies: [IPv4]",
    ),
    Wish.CLASS: Unmet(
        Status.WARN,
        "no release reads it: Kuryr creates a load balancer, too, besides that of the class's own "
        "controller",
        "remove it, or use type ClusterIP and let that controller serve it in another way",
    ),
    Wish.TIMEOUT: Unmet(
        Status.WARN,
        "releases before Xena do not read it: Octavia's timeout of 50 s holds",
        "set kuryr.release to xena or later; or set the timeouts of its load balancer's listeners",
    ),
    Wish.HOST_PORT: Unmet(
        Status.WARN,
        "Kuryr's plugin opens no port on the node: nothing answers there",
        "give the pod hostNetwork: true, or use a Service",
    ),
    Wish.NETWORKS: Unmet(
        Status.WARN,
        "multi-VIF is off: the pod gets no second interface",
        "remove it, or put Multus in front of Kuryr, which the runbook was not tried with",
    ),
    Wish.BANDWIDTH: Unmet(
        Status.WARN,
        "Kuryr's plugin enforces no limit: the pod uses all that it can get",
        "limit it with a QoS policy on the pods' network",
    ),
    Wish.EXCEPTIONS: Unmet(
        Status.FAIL,
        "every release admits the rest around each exception by itself, and so each exception as "
        "part of the others' rests: with several in one ipBlock nothing is excepted",
        "write an ipBlock without exceptions for each range that remains",
    ),
    Wish.END_PORT: Unmet(
        Status.WARN,
        "no release reads it: only the first port of the range is admitted",
        "list the ports one by one",
    ),
    Wish.PROJECT: Unmet(
        Status.WARN,
        "the project drivers are not `annotation`: its ports and load balancers are created in the "
        "site's project",
        "remove it, or give that project a site of its own",
    ),
}


def unmet(site: Site, intent: Intent) -> Unmet | None:
    """The consequences of a wish; None: it is fulfilled, or the wish alone does not show it."""
    if intent.wish is Wish.CLOSED:
        return None if site.kuryr.network_policies else _unenforced(site, intent)
    if intent.wish in OF_POLICIES and not site.kuryr.network_policies:
        return None
    if intent.wish is Wish.TIMEOUT and TIMEOUT_OPTION in site.release.octavia_options:
        return None
    if intent.wish is Wish.EXTERNAL_POLICY and site.provider.keeps_client_address:
        return None
    return _UNMET.get(intent.wish)


def _unenforced(site: Site, intent: Intent) -> Unmet:
    """Policies are off: a release only enforces them with its handlers, which are not enabled."""
    never = ""
    if site.driver.pods_on_node_network:
        never = f", and with {site.kuryr.vif_driver} the groups of pods' own ports have no effect"
    return Unmet(
        Status.FAIL,
        f"network policies are off{never}: {intent.value} of the pods that it selects is open",
        f"{_switching_on(site)}close it in another way, such as rules of the pods' security "
        "group, TLS, or tokens in the pods themselves; so that nobody relies on it, kubectl -n "
        "NAMESPACE delete networkpolicy NAME",
    )


def _switching_on(site: Site) -> str:
    """How Kuryr would enforce policies; empty: it cannot with this site's release and driver."""
    if any(policy_objections(site.release, site.kuryr.vif_driver, has_namespace_subnets=True)):
        return ""
    return "set kuryr.network_policies: true and network.namespace_subnets.enabled: true; or "

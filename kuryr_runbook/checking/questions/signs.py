"""What lines of Kuryr's logs mean, as data: a pattern, the cause, the way out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from kuryr_runbook.checking.questions.programs import (
    CONTROLLER_EFFECTS,
    DAEMON_EFFECTS,
    SERVICE_EFFECTS,
)
from kuryr_runbook.checking.verdicts import phase
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.snapshots.reading import Unreadable

WORK = CONTROLLER_EFFECTS | {"controller-ready", "controller-restarts"}
"""What follows when the controller cannot do anything."""
LOAD_BALANCING = SERVICE_EFFECTS | {"controller-ready", "controller-restarts"}
DAEMON_WORK = DAEMON_EFFECTS | {"daemon-ready"}


@dataclass(frozen=True, slots=True)
class Sign:
    """A line and what it means."""

    pattern: re.Pattern[str]
    means: str
    remedy: str
    explains: frozenset[str]
    mender: str
    """The phase whose plan mends it if it is not done; empty: none does."""
    is_answered: Callable[[Look], bool]
    """Whether a question tells it as it is now; the line may be older than that."""


def _sign(
    pattern: str,
    means: str,
    remedy: str,
    explains: frozenset[str],
    mender: str = "",
    is_answered: Callable[[Look], bool] = lambda look: False,
) -> Sign:
    return Sign(re.compile(pattern, re.IGNORECASE), means, remedy, explains, mender, is_answered)


def _quotas_are_known(look: Look) -> bool:
    quotas = (look.cloud.quotas, look.cloud.balancer_quotas)
    return not any(isinstance(found, Unreadable) for found in quotas)


CONTROLLER_SIGNS: tuple[Sign, ...] = (
    _sign(
        r"certificate[ _]verify[ _]failed|\bSSLError|certificate is not trusted",
        "the controller does not trust the certificate of an API",
        f"give the cloud's CA in openstack.ca_file, or as cacert in clouds.yaml; then "
        f"{phase('controller')}",
        WORK,
        "controller",
    ),
    _sign(
        r"request you have made requires authentication|keystone\S*\.Unauthorized"
        r"|could not find (?:user|application credential)|invalid (?:username|password|user)",
        "Keystone does not accept the controller's login",
        f"check the entry in clouds.yaml, then {phase('controller')}; or kuryr-runbook "
        "rotate-credentials --site FILE",
        WORK,
        "controller",
    ),
    _sign(
        r"K8sClientException.*\b401\b|\"code\": ?401|'code': ?401",
        "Kubernetes does not accept the controller's token any more: it is read once, at start",
        "kubectl -n kube-system rollout restart deployment/kuryr-controller daemonset/kuryr-daemon",
        WORK,
    ),
    _sign(
        r"load.?balancer.{0,80}(?:\b403\b|forbidden)|(?:\b403\b|forbidden).{0,120}"
        r"(?:load.?balancer|lbaas|octavia)",
        "Octavia refuses the controller: its user lacks the role load-balancer_member",
        "openstack role add --user USER --project PROJECT load-balancer_member",
        LOAD_BALANCING | {"stuck-finalizers"},
    ),
    _sign(
        r"disallowed by policy|PolicyNotAuthorized|\bForbiddenException|\bForbidden\b|\b403\b",
        "an API refuses what the controller asks for (403)",
        "docs/credentials.md names the roles: ports with binding:host_id need admin or a policy of "
        "their own, load balancers load-balancer_member",
        WORK,
    ),
    _sign(
        r"quota exceeded|OverQuota",
        "a quota of the project is used up",
        "openstack quota show --usage PROJECT; have it raised",
        WORK,
        is_answered=_quotas_are_known,
    ),
    _sign(
        r"allowed address pairs? exceeds|AllowedAddressPairExhausted",
        "a worker's port takes no more allowed address pairs",
        "have max_allowed_address_pair in neutron.conf raised to the pods of a worker, or more",
        WORK | {"address-pair", "port-orphaned"},
    ),
    _sign(
        r"port for vm port with fixed ips.*not found",
        "the controller finds no Neutron port at a node's address in the node subnet",
        "network.node_subnet has to be the nodes' subnet, and the kubelets have to register their "
        "address in it (--node-ip)",
        WORK,
    ),
    _sign(
        r"missing trunk details|trunk parent|port is not a trunk",
        "a worker's port is not the parent of a trunk",
        "openstack network trunk create --parent-port PORT NAME",
        WORK,
    ),
    _sign(
        r"found 0 subnets for service",
        "a ClusterIP does not lie in the service subnet",
        "kubernetes.service_cidr has to be the API server's --service-cluster-ip-range, and to lie "
        f"in network.service_subnet.cidr; then {phase('openstack_prep')}",
        LOAD_BALANCING,
    ),
    _sign(
        r"IpAddressAlreadyAllocated|already allocated|IP address .* in use",
        "something else has the address of a Service",
        f"openstack port list --fixed-ip ip-address=ADDRESS; the allocation pool of the service "
        f"subnet may hold its upper half only: {phase('openstack_prep')}",
        LOAD_BALANCING,
    ),
    _sign(
        r"failed to allocate public ip",
        "no floating IP could be had",
        "check the quota of floating IPs and network.external_network",
        frozenset({"external-address"}),
    ),
    _sign(
        r"RequiredOptError",
        "kuryr.conf lacks an option",
        phase("controller"),
        WORK,
        "controller",
    ),
    _sign(
        r"handlers .* were not found",
        "kuryr.conf names handlers that this release does not have",
        phase("controller"),
        WORK,
        "controller",
    ),
    _sign(
        r"unable to find token_file",
        "the controller finds no token of its service account",
        f"{phase('controller')}; its pod has to mount the token of kuryr-controller",
        WORK,
        "controller",
    ),
    _sign(
        r"KeyError: '?\"?selfLink",
        "objects have no metadata.selfLink",
        "start the API servers with --feature-gates=RemoveSelfLink=false",
        WORK,
    ),
    _sign(
        r"TypeError.*_context|wrap_socket|maximum recursion depth.*ssl",
        "the image's Python is too new for its eventlet",
        phase("image_build"),
        WORK,
    ),
    _sign(
        r"EndpointNotFound|ConnectFailure|ConnectTimeout|Connection refused|Max retries exceeded"
        r"|Name or service not known|No route to host",
        "the controller does not reach an API",
        "is the address in the log reached from the controller's node? kubernetes.api_root has to "
        "be a master's own address; OpenStack's addresses come from Keystone's catalogue",
        WORK,
    ),
)
"""The more special before the more general: a line is read by the first that fits."""

DAEMON_SIGNS: tuple[Sign, ...] = (
    _sign(
        r"MTU of interface",
        "the pods' network has a larger MTU than the nodes' network",
        "openstack network set --mtu MTU NETWORK, to that of the nodes' network or less",
        DAEMON_WORK,
    ),
    _sign(
        r"KeyError: '[a-z][\w.-]{0,14}'$|no (?:such )?(?:device|interface)|No such device",
        "the daemon does not find the nodes' interface",
        f"set kuryr.link_iface to the name that `ip link` shows on a worker, then "
        f"{phase('daemon')}",
        DAEMON_WORK,
        "daemon",
    ),
    _sign(
        r"certificate[ _]verify[ _]failed|\bSSLError",
        "the daemon does not trust the certificate of the API server",
        f"kubernetes.api_root has to be an address that the certificate names; {phase('daemon')}",
        DAEMON_WORK,
        "daemon",
    ),
    _sign(
        r"\b401\b|Unauthorized",
        "Kubernetes does not accept the daemon's token any more: it is read once, at start",
        "kubectl -n kube-system rollout restart daemonset/kuryr-daemon",
        DAEMON_WORK,
    ),
    _sign(
        r"\b403\b|Forbidden",
        "Kubernetes does not let the daemon read what it needs",
        f"{phase('daemon')}: it brings the daemon's role",
        DAEMON_WORK,
        "daemon",
    ),
    _sign(
        r"RequiredOptError|lock_path",
        "kuryr.conf of the daemon lacks an option",
        phase("daemon"),
        DAEMON_WORK,
        "daemon",
    ),
    _sign(
        r"Connection refused|Max retries exceeded|No route to host|timed out",
        "the daemon does not reach the API server",
        "kubernetes.api_root has to be a master's own address, and its port open to the workers",
        DAEMON_WORK,
    ),
    _sign(
        r"netns|No such file or directory.*proc|Operation not permitted",
        "the daemon does not reach a pod's network namespace",
        f"{phase('daemon')}: it mounts what the nodes' container runtime needs, and is privileged",
        DAEMON_WORK,
        "daemon",
    ),
)

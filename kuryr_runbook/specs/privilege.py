"""What our containers may do: nothing, and each exception with its reason.

Source of the levels: Kubernetes' Pod Security Standards, which docs/security.md holds this against.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.site import Site

UNPRIVILEGED_USER = 711
"""User and group of what needs no privilege: no name, and nobody on the nodes."""
TMP = {"name": "tmp", "emptyDir": {}}
TMP_MOUNT = {"name": "tmp", "mountPath": "/tmp"}  # noqa: S108 - inside the pod
"""Python's temporary files, in containers whose root file system is read-only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Privilege:
    """What a container may do beyond the least; every text is a reason."""

    root: str = ""
    """Why it runs as root; empty: it does not."""
    host: str = ""
    """Why SELinux has to let it use the node's files; empty: it does not use them."""
    capabilities: Mapping[str, str] = field(default_factory=dict)
    """Those that it keeps."""
    privileged: str = ""
    """Why capabilities are not enough; empty: they are."""

    @property
    def security_context(self) -> dict[str, Any]:
        """The container's `securityContext`."""
        context: dict[str, Any] = {"readOnlyRootFilesystem": True}
        if self.privileged:
            return {**context, "privileged": True}
        kept = {"add": sorted(self.capabilities)} if self.capabilities else {}
        context = {
            **context,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"], **kept},
        }
        # Without `privileged`, SELinux would confine it to its own files. Nodes without SELinux
        # ignore this.
        return context | ({"seLinuxOptions": {"type": "spc_t"}} if self.host else {})


NONE = Privilege()
"""The controller and the verification's pods: they talk to APIs, or to each other."""

_NODE_FILES = "it changes /opt/cni/bin and /etc/cni/net.d of the node, which are root's"
NODE_FILES = Privilege(
    root=_NODE_FILES,
    host=_NODE_FILES,
    capabilities={
        "DAC_OVERRIDE": "installers such as Kubespray give these directories to another user"
    },
)
"""The init container of the daemon, and the pods with which teardown cleans the nodes."""

_NETWORK = "it opens the network namespaces of pods, which are root's"
NETWORK = Privilege(
    root=_NETWORK,
    host=_NETWORK,
    capabilities={
        "NET_ADMIN": "it creates interfaces, moves them, and gives them addresses and routes",
        "SYS_ADMIN": "setns(2) asks for it, to enter a pod's network namespace",
    },
)
"""The daemon of the nested drivers, as tried on the lab."""

DOCKERSHIM = (
    "with dockershim it opens pods' network namespaces at /proc/<pid>/ns/net, for which the kernel "
    "asks as for debugging these processes"
)
OPEN_VSWITCH = (
    "neutron-vif starts a process with privileges of its own (oslo.privsep), and has not been "
    "tried with less"
)


def daemon_privilege(site: Site, *, dockershim: bool) -> Privilege:
    """What the daemon may do, which VIF driver and container runtime decide."""
    reasons = [
        reason
        for applies, reason in (
            (dockershim, DOCKERSHIM),
            (site.driver.plugs_into_ovs, OPEN_VSWITCH),
        )
        if applies
    ]
    if reasons:
        return Privilege(root=_NETWORK, host=_NETWORK, privileged="; ".join(reasons))
    return NETWORK


def pod_security(privilege: Privilege) -> dict[str, Any]:
    """A pod's `securityContext`, for the one of its containers that may do most."""
    profile: dict[str, Any] = {"seccompProfile": {"type": "RuntimeDefault"}}
    if privilege.root:
        return profile
    return profile | {
        "runAsNonRoot": True,
        "runAsUser": UNPRIVILEGED_USER,
        "runAsGroup": UNPRIVILEGED_USER,
        # What is mounted, such as the service account's token, becomes readable to it by this.
        "fsGroup": UNPRIVILEGED_USER,
    }


def footprint(*, cpu: str, memory: str, limit: str) -> Manifest:
    """What a container asks for, and the memory at which it is ended.

    There is no limit of CPU: a throttled daemon would keep pods from starting.
    """
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": limit}}

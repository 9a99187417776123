"""Pods that look at their node and end: one on each node, in the node's own network.

The kubelet's status of the pod has all of the answer: whether it pulled each image, and what the
container wrote. So nothing is read from inside the pod, and no service account is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.specs.manifests import INSTANCE, LABELS, MANAGED_BY, RUNBOOK, encoded
from kuryr_runbook.specs.privilege import NONE, footprint, pod_security

NODE_PROBE = "kuryr-node-probe"
"""How the names of the pods begin, and the label of their component."""
RUN = "kuryr-runbook/probe"
"""The label that tells one run's probe from another's."""
PROBE_SECONDS = 300
"""How long a pod may take, most of it for the image; then the kubelet ends it by itself."""
PULL, LOOK = "pull", "look"

# Written for any shell. Only the routes into the node's own networks, and the default one: the
# kubelet keeps 4096 bytes, and a network of pods may have hundreds of others.
ROUTES = (
    "while read -r name to by flags count use metric mask rest; do "
    'case "$by:$mask:$to" in '
    "00000000:FFFFFFFF:*) ;; "
    '00000000:*|*:00000000:00000000) echo "$name $to $mask" ;; '
    "esac; done </proc/net/route >/dev/termination-log"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedNode:
    """A node, with what the probe there tries."""

    name: str
    pull: str
    """The image to pull from its registry, even if the node has it; empty: none."""
    look: str
    """An image with a shell that shows the node's routes; empty: none is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeProbe:
    """A probe of a cluster's nodes."""

    namespace: str
    site: str
    run: str
    """Distinguishes it from other probes: lower-case letters and digits."""
    nodes: Sequence[ProbedNode]
    login: str = ""
    """The registry's login, in the form of docker's config.json; empty: none."""

    @property
    def selector(self) -> str:
        """A label selector for its pods."""
        return f"{RUN}={self.run}"

    @property
    def secret(self) -> Manifest | None:
        """The login, for the kubelets; None: there is none."""
        if not self.login:
            return None
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": self._metadata(self._name),
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": encoded(self.login)},
        }

    @property
    def pods(self) -> Mapping[str, Manifest]:
        """The pods, by the name of their node."""
        return {
            node.name: self._pod(f"{self._name}-{number}", node)
            for number, node in enumerate(self.nodes)
        }

    @property
    def _name(self) -> str:
        return f"{NODE_PROBE}-{self.run}"

    def _metadata(self, name: str) -> Manifest:
        labels = {
            MANAGED_BY: RUNBOOK,
            INSTANCE: self.site,
            f"{LABELS}name": NODE_PROBE,
            RUN: self.run,
        }
        return {"name": name, "namespace": self.namespace, "labels": labels}

    def _pod(self, name: str, node: ProbedNode) -> Manifest:
        images = {PULL: (node.pull, "Always"), LOOK: (node.look, "IfNotPresent")}
        if node.look == node.pull:
            del images[LOOK]
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": self._metadata(name),
            "spec": {
                # Not by the scheduler: it would leave out nodes that are not ready, as all are
                # before there is a CNI, and those that are cordoned.
                "nodeName": node.name,
                "tolerations": [{"operator": "Exists"}],
                "hostNetwork": True,
                "dnsPolicy": "Default",
                "enableServiceLinks": False,
                "automountServiceAccountToken": False,
                "restartPolicy": "Never",
                "activeDeadlineSeconds": PROBE_SECONDS,
                # The API server forgets it at once, also where the kubelet does not answer.
                "terminationGracePeriodSeconds": 0,
                "securityContext": pod_security(NONE),
                "containers": [
                    _container(kind, image, policy)
                    for kind, (image, policy) in images.items()
                    if image
                ],
                **({"imagePullSecrets": [{"name": self._name}]} if self.login else {}),
            },
        }


def _container(name: str, image: str, policy: str) -> Manifest:
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": policy,
        "command": ["sh", "-c", ROUTES],
        "resources": footprint(cpu="10m", memory="16Mi", limit="64Mi"),
        "securityContext": NONE.security_context,
    }

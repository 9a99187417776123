"""What runs in a cluster, whoever brought it: DaemonSets, Deployments, and pods of neither."""

from __future__ import annotations

import base64
import binascii
import configparser
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.snapshots.cluster.objects import Manifest, name_of, namespace_of, reference
from kuryr_runbook.snapshots.parsing import number, part, parts
from kuryr_runbook.snapshots.reading import attempted

CLOUD_CONTROLLER = "openstack-cloud-controller-manager"
MADE_BY_OTHERS = {"DaemonSet", "ReplicaSet", "StatefulSet", "Job"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Something that runs in the cluster: a DaemonSet, a Deployment, or a pod of neither."""

    kind: str
    namespace: str
    name: str
    words: tuple[str, ...]
    """Images, commands and arguments of its containers."""
    available: int
    """Replicas of a Deployment that are available."""
    load_balancing: bool | None
    """What the cloud configuration that it mounts says of load balancers; None: nothing."""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def program_of(item: Manifest, load_balancing: bool | None = None) -> Program:  # noqa: FBT001
    """A program, from the manifest of its DaemonSet, Deployment or pod."""
    return Program(
        kind=str(item.get("kind", "")),
        namespace=namespace_of(item),
        name=name_of(item),
        words=tuple(_words(item)),
        available=number(part(item, "status").get("availableReplicas")) or 0,
        load_balancing=load_balancing,
    )


def load_balancing_of(texts: Iterable[str]) -> bool | None:
    """What the first cloud.conf among the texts says of load balancers; None: nothing.

    `[LoadBalancer] enabled` (cloud-provider-openstack); the default is true.
    """
    for text in texts:
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        try:
            parser.read_string(text)
            return parser.getboolean("LoadBalancer", "enabled")
        except (configparser.Error, ValueError):
            continue
    return None


def read_deployed(cluster: KubernetesReader, pods: Iterable[Manifest]) -> Iterator[Program]:
    """All DaemonSets and Deployments, and the pods that nothing made which made others."""
    alone = [pod for pod in pods if not _owners(pod) & MADE_BY_OTHERS]
    sets = [
        item
        for kind in ("DaemonSet", "Deployment")
        for item in cluster.list_objects("apps/v1", kind)
    ]
    for item in (*sets, *alone):
        if any(CLOUD_CONTROLLER in word for word in _words(item)):
            yield program_of(item, load_balancing_of(_mounted_texts(cluster, item)))
        else:
            yield program_of(item)


def _owners(item: Manifest) -> set[str]:
    return {str(owner.get("kind")) for owner in parts(part(item, "metadata"), "ownerReferences")}


def _mounted_texts(cluster: KubernetesReader, item: Manifest) -> Iterator[str]:
    """The files of the Secrets and ConfigMaps that a program mounts. They may hold passwords."""
    for volume in parts(_pod_spec(item), "volumes"):
        secret, config = part(volume, "secret"), part(volume, "configMap")
        if secret.get("secretName"):
            yield from map(_decoded, _values(cluster, item, "Secret", secret["secretName"]))
        if config.get("name"):
            yield from _values(cluster, item, "ConfigMap", config["name"])


def _values(cluster: KubernetesReader, item: Manifest, kind: str, name: object) -> list[str]:
    found = attempted(lambda: cluster.get(reference(kind, str(name), namespace_of(item))))
    return [str(value) for value in part(found, "data").values()]


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _words(item: Manifest) -> Iterator[str]:
    for container in parts(_pod_spec(item), "containers"):
        yield str(container.get("image", ""))
        for key in ("command", "args"):
            found = container.get(key)
            yield from map(str, found if isinstance(found, list) else ())


def _pod_spec(item: Manifest) -> Mapping[str, Any]:
    return part(item, "spec", "template", "spec") or part(item, "spec")

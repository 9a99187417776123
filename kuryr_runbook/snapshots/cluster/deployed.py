"""What runs in a cluster, whoever installed it: DaemonSets, Deployments, and other pods."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.model.documents import text_from_base64
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.snapshots.cluster.objects import FINISHED, name_of, namespace_of, reference
from kuryr_runbook.snapshots.parsing import number, part, parts, text
from kuryr_runbook.snapshots.reading import Unreadable, attempted

CLOUD_CONTROLLER = "openstack-cloud-controller-manager"
SETS = ("DaemonSet", "Deployment")
NAMING = ("name", "app", "k8s-app", "component", "app.kubernetes.io/name")
"""Labels with a program's name."""
_OF_KURYR = re.compile(r"[\w./:-]{0,200}kuryr[\w./:-]{0,200}")
PARTS = {
    "controller": re.compile(r"\bkuryr[-/_](?:[\w-]+[-_])?controller\b"),
    "daemon": re.compile(r"\bkuryr-daemon\b|\bkuryr[-/_](?:[\w-]+[-_])?cni\b"),
}
"""How to recognize them in commands, images, labels and names: those of upstream's manifests,
OpenShift, DevStack and Ansible roles."""
MADE_BY_OTHERS = {"DaemonSet", "ReplicaSet", "StatefulSet", "Job"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Something that runs in the cluster: a DaemonSet, a Deployment, or a pod of its own."""

    kind: str
    namespace: str
    name: str
    words: tuple[str, ...]
    """Images, commands and arguments of its containers."""
    labels: tuple[str, ...]
    """Its names: the values of its and its pods' labels that name a program."""
    available: int
    """A Deployment's available replicas."""
    load_balancing: bool | None
    """Whether the cloud configuration that it mounts enables load balancers; None: not said."""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def part_of_kuryr(program: Program) -> str:
    """Which part of Kuryr a program is, whatever its name; empty: none."""
    texts = [it for it in (program.name, *program.labels, *program.words) if "kuryr" in it]
    return next((part for part, it in PARTS.items() if any(map(it.search, texts))), "")


def program_of(item: Manifest, load_balancing: bool | None = None) -> Program:  # noqa: FBT001
    """A program, from the manifest of its DaemonSet, Deployment or pod."""
    return Program(
        kind=str(item.get("kind", "")),
        namespace=namespace_of(item),
        name=name_of(item),
        words=tuple(_words(item)),
        labels=tuple(_labels(item)),
        available=number(part(item, "status").get("availableReplicas")) or 0,
        load_balancing=load_balancing,
    )


def lone_program(pod: Manifest) -> Program | None:
    """A pod as a program of its own; None: its owner is one already, or it has ended."""
    ended = part(pod, "status").get("phase") in FINISHED
    return None if ended or _owners(pod) & MADE_BY_OTHERS else _quiet(program_of(pod))


def read_sets(cluster: KubernetesReader) -> Iterator[Program]:
    """All DaemonSets and Deployments, without the files that they mount."""
    for kind in SETS:
        for item in cluster.each_object("apps/v1", kind):
            yield _quiet(program_of(item))


def _quiet(program: Program) -> Program:
    """Only those of its words that name Kuryr: arguments may contain secrets, and are saved."""
    words = (name for word in program.words if "kuryr" in word for name in _OF_KURYR.findall(word))
    return replace(program, words=tuple(words))


def load_balancing_of(texts: Iterable[str]) -> bool | None:
    """Whether the first cloud.conf among the texts enables load balancers; None: not said.

    `[LoadBalancer] enabled` (cloud-provider-openstack); the default is true.
    """
    for one in texts:
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        try:
            parser.read_string(one)
            return parser.getboolean("LoadBalancer", "enabled")
        except (configparser.Error, ValueError):
            continue
    return None


def read_deployed(cluster: KubernetesReader, pods: Iterable[Manifest]) -> Iterator[Program]:
    """All DaemonSets and Deployments, and the pods that belong to neither."""
    alone = [pod for pod in pods if not _owners(pod) & MADE_BY_OTHERS]
    sets = [item for kind in SETS for item in cluster.list_objects("apps/v1", kind)]
    for item in (*sets, *alone):
        if any(CLOUD_CONTROLLER in word for word in _words(item)):
            yield program_of(item, load_balancing_of(mounted_texts(cluster, item)))
        else:
            yield program_of(item)


def _owners(item: Manifest) -> set[str]:
    return {str(owner.get("kind")) for owner in parts(part(item, "metadata"), "ownerReferences")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounted:
    """A file in a Secret or ConfigMap that a program mounts. May contain passwords."""

    whose: str
    """`Secret kube-system/kuryr-config`."""
    key: str
    text: str
    unread: str
    """Why the object could not be read; empty: it was."""

    @property
    def place(self) -> str:
        """Distinguishes it from all other files."""
        return f"{self.whose} {self.key}"


def mounted_texts(cluster: KubernetesReader, item: Manifest) -> Iterator[str]:
    """The files in the Secrets and ConfigMaps that a program mounts. May contain passwords."""
    return (file.text for file in mounted_files(cluster, item))


def mounted_files(cluster: KubernetesReader, item: Manifest) -> Iterator[Mounted]:
    """The same, with their places; an object that could not be read is one without a text."""
    home = namespace_of(item)
    for kind, name in _sources(item):
        whose = f"{kind} {home}/{name}"
        found = attempted(partial(cluster.get, reference(kind, name, home)))
        if isinstance(found, Unreadable):
            yield Mounted(whose=whose, key="", text="", unread=found.reason)
            continue
        for key, value in part(found, "data").items():
            content = text_from_base64(value) if kind == "Secret" else str(value)
            yield Mounted(whose=whose, key=str(key), text=content, unread="")


def _sources(item: Manifest) -> Iterator[tuple[str, str]]:
    """Kind and name of each Secret and ConfigMap in a program's volumes."""
    for volume in parts(_pod_spec(item), "volumes"):
        # A projected volume names a Secret by `name`, too.
        for source in (volume, *parts(part(volume, "projected"), "sources")):
            secret, config = part(source, "secret"), part(source, "configMap")
            if name := text(secret, "secretName") or text(secret, "name"):
                yield "Secret", name
            if name := text(config, "name"):
                yield "ConfigMap", name


def _words(item: Manifest) -> Iterator[str]:
    for container in parts(_pod_spec(item), "containers"):
        yield str(container.get("image", ""))
        for key in ("command", "args"):
            found = container.get(key)
            yield from map(str, found if isinstance(found, list) else ())


def _labels(item: Manifest) -> Iterator[str]:
    for labels in (
        part(item, "metadata", "labels"),
        part(item, "spec", "template", "metadata", "labels"),
    ):
        yield from (text(labels, key) for key in NAMING if text(labels, key))


def _pod_spec(item: Manifest) -> Mapping[str, Any]:
    return part(item, "spec", "template", "spec") or part(item, "spec")

"""Where Kuryr's pods run, before which others, how much they may use, and through which proxy.

Labels, taints and tolerations are texts as kubectl writes them, `key=value` and `key=value:Effect`,
in the site file as in what is read of nodes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Annotated, Final, Self

from pydantic import AfterValidator, model_validator

from kuryr_runbook.model.site_values import (
    Cpu,
    Memory,
    NodeLabel,
    PriorityClass,
    Section,
    Toleration,
    Unproxied,
    Url,
    checked,
)

CLUSTER_CRITICAL: Final = "system-cluster-critical"
NODE_CRITICAL: Final = "system-node-critical"
BUILT_IN_CLASSES: Final = (CLUSTER_CRITICAL, NODE_CRITICAL)
"""The priority classes that every cluster has from Kubernetes 1.11 on."""
CRITICAL_ANYWHERE: Final = (1, 17)
"""The first Kubernetes that lets pods outside of kube-system have a class of BUILT_IN_CLASSES.
Source: kubernetes, issue 60596, pull request 76310."""

EVERY_TAINT: Final = "*"
"""The toleration of every taint."""
HARMLESS_EFFECT: Final = "PreferNoSchedule"
"""The effect of taints that keep no pod from a node."""

STARTING_TAINTS: Final = (
    # Nodes are not ready until Kuryr runs on them, and not initialised until the cloud provider,
    # which may wait for the network itself, has been there.
    "node.kubernetes.io/not-ready:NoSchedule",
    "node.kubernetes.io/network-unavailable:NoSchedule",
    "node.cloudprovider.kubernetes.io/uninitialized:NoSchedule",
)
"""The taints of nodes that wait for a network."""
MASTERS: Final = ("node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane")
"""The keys of masters' taints."""
CONTROLLER_TOLERATES: Final = (*STARTING_TAINTS, *(f"{key}:NoSchedule" for key in MASTERS))
"""What the controller tolerates without being asked to."""
TOLERATED_FOR_A_WHILE: Final = (
    "node.kubernetes.io/not-ready:NoExecute",
    "node.kubernetes.io/unreachable:NoExecute",
)
"""What Kubernetes lets every pod tolerate for some minutes (admission DefaultTolerationSeconds)."""
CORDONED: Final = "node.kubernetes.io/unschedulable:NoSchedule"
"""The taint of a node that is cordoned."""


def _distinct(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse two values of one label: no node has both."""
    keys = [label.partition("=")[0] for label in labels]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise ValueError(f"names {', '.join(twice)} twice, and a node has one value of a label")
    return labels


class ProgramSection(Section):
    """How much a program of Kuryr's asks of its node, and may use."""

    cpu_request: Cpu = "100m"
    """CPU that the scheduler keeps for each of its pods."""
    cpu_limit: Cpu | None = None
    """CPU above which it is throttled, and with it all pods that start; None: no limit."""
    memory_request: Memory = "128Mi"
    """Memory that the scheduler keeps for each of its pods."""
    memory_limit: Memory = "1Gi"
    """Memory at which the kernel ends it, and the kubelet starts it again."""

    @model_validator(mode="after")
    def _within_limits(self) -> Self:
        return checked(self, self._excesses())

    def _excesses(self) -> Iterator[tuple[str, str]]:
        if self.cpu_limit and _millicores(self.cpu_request) > _millicores(self.cpu_limit):
            yield "cpu_request", f"{self.cpu_request} is more than cpu_limit, {self.cpu_limit}"
        if _mebibytes(self.memory_request) > _mebibytes(self.memory_limit):
            yield (
                "memory_request",
                f"{self.memory_request} is more than memory_limit, {self.memory_limit}",
            )


class ControllerSection(ProgramSection):
    """The controller's pod."""

    priority_class: PriorityClass = CLUSTER_CRITICAL
    """Its priority class: what it is started before, and evicts if a node is full."""
    node_selector: Annotated[tuple[NodeLabel, ...], AfterValidator(_distinct)] = ()
    """Labels that its node has to have, all of them; empty: any node."""
    tolerations: tuple[Toleration, ...] = ()
    """Taints that it tolerates besides those of masters and of nodes that wait for a network."""
    http_proxy: Url | None = None
    """Proxy through which it reaches OpenStack's APIs over HTTP; without a login."""
    https_proxy: Url | None = None
    """The same for HTTPS."""
    no_proxy: tuple[Unproxied, ...] = ()
    """Hosts and ranges that it reaches without a proxy, besides the API server and the ranges of
    pods and Services."""

    @model_validator(mode="after")
    def _has_proxy(self) -> Self:
        return checked(self, self._idle_keys())

    def _idle_keys(self) -> Iterator[tuple[str, str]]:
        if self.no_proxy and not (self.http_proxy or self.https_proxy):
            yield "no_proxy", "is only for http_proxy or https_proxy"


class DaemonSection(ProgramSection):
    """The daemon's pods: one on each node, whatever its taints."""

    priority_class: PriorityClass = NODE_CRITICAL
    """Their priority class: what they are started before, and evict if a node is full."""


def resources(section: ProgramSection) -> dict[str, dict[str, str]]:
    """Requests and limits, as the API has them."""
    cpu = {"cpu": section.cpu_limit} if section.cpu_limit else {}
    return {
        "requests": {"cpu": section.cpu_request, "memory": section.memory_request},
        "limits": {**cpu, "memory": section.memory_limit},
    }


def selector(labels: Collection[str]) -> dict[str, str]:
    """Labels, as the API has them."""
    return dict(label.split("=", 1) for label in labels)


def toleration(text: str) -> dict[str, str]:
    """A toleration, as the API has it."""
    if text == EVERY_TAINT:
        return {"operator": "Exists"}
    taint, _, effect = text.partition(":")
    key, has_value, value = taint.partition("=")
    match = {"operator": "Equal", "value": value} if has_value else {"operator": "Exists"}
    return {"key": key, **match, **({"effect": effect} if effect else {})}


def is_tolerated(taint: str, tolerations: Collection[str]) -> bool:
    """Whether a pod with these tolerations may be put on a node with that taint."""
    name, _, effect = taint.partition(":")
    key = name.partition("=")[0]
    return effect == HARMLESS_EFFECT or any(
        it == EVERY_TAINT
        or (it.partition(":")[0] in (name, key) and it.partition(":")[2] in ("", effect))
        for it in tolerations
    )


def is_of_master(taint: str) -> bool:
    """Whether that taint keeps pods from a master."""
    name, _, effect = taint.partition(":")
    return name.partition("=")[0] in MASTERS and effect != HARMLESS_EFFECT


def priority_classes(controller: ControllerSection, daemon: DaemonSection) -> dict[str, str]:
    """The priority class of each of Kuryr's programs, by the key in the site's section `kuryr`."""
    return {
        "controller.priority_class": controller.priority_class,
        "daemon.priority_class": daemon.priority_class,
    }


def is_restricted(name: str, namespace: str) -> bool:
    """Whether Kubernetes before CRITICAL_ANYWHERE refuses that class to pods of that namespace."""
    return name in BUILT_IN_CLASSES and namespace != "kube-system"


def _millicores(amount: str) -> int:
    return int(amount.removesuffix("m")) * (1 if amount.endswith("m") else 1000)


def _mebibytes(amount: str) -> int:
    return int(amount[:-2]) * (1024 if amount.endswith("Gi") else 1)

"""Runs a probe on all nodes, and leaves nothing of it in the cluster, however it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol

from kuryr_runbook.model.errors import RunbookError
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.wording import counted
from kuryr_runbook.snapshots.cluster.node_probes import Probed, is_over, is_settled, probed
from kuryr_runbook.snapshots.cluster.objects import Node
from kuryr_runbook.snapshots.reading import Unreadable, attempted
from kuryr_runbook.specs.manifests import LABELS
from kuryr_runbook.specs.node_probe import NODE_PROBE, PROBE_SECONDS, NodeProbe

AT_ONCE = 16
"""Pods that are created or deleted at the same time."""
AFTERWARDS = 10.0
"""Seconds for a kubelet to report that it has ended a pod at its deadline."""


class ProbedCluster(Protocol):
    """What is needed of a cluster."""

    def list_objects(
        self, api_version: str, kind: str, *, namespace: str | None = None, labels: str = ""
    ) -> list[Manifest]:
        """All objects of a kind."""

    def apply(self, manifest: Manifest) -> Manifest:
        """Create the object."""

    def delete(self, manifest: Manifest) -> None:
        """Delete the object and wait until it is gone; no error if it was."""

    def watch(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        labels: str = "",
        seconds: float,
        until: Callable[[dict[str, Manifest]], bool],
    ) -> dict[str, Manifest]:
        """The objects of a kind by name, followed until `until` is true, or time is up."""


def probe_nodes(
    probe: NodeProbe, nodes: Iterable[Node], cluster: ProbedCluster
) -> tuple[Probed, ...] | Unreadable:
    """Start a pod on each node, wait for their answers, and delete them, also after Ctrl-C.

    Deletes ended pods of killed probes, too. The result is unreadable if no pod can be created.
    """
    addresses = {node.name: node.address for node in nodes}
    with _removed(probe, cluster):
        refused = attempted(lambda: _prepare(probe, cluster))
        if isinstance(refused, Unreadable):
            return refused
        failed = _create(probe.pods, cluster)
        first = next(iter(failed.values()), None)
        if first is not None and len(failed) == len(addresses):
            return first
        ends = _followed(probe, cluster)
        names = {name: pod["metadata"]["name"] for name, pod in probe.pods.items()}
        return tuple(
            Probed(node=name, pull=failed[name], own=failed[name])
            if name in failed
            else probed(name, address, ends.get(names[name]))
            for name, address in addresses.items()
        )


@contextmanager
def _removed(probe: NodeProbe, cluster: ProbedCluster) -> Iterator[None]:
    """Delete all that the probe may have created, at the end."""
    try:
        yield
    finally:
        ours = [*probe.pods.values(), *([probe.secret] if probe.secret else [])]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            done = list(pool.map(lambda it: attempted(lambda: cluster.delete(it)), ours))
        left = [it for it in done if isinstance(it, Unreadable)]
        if left:
            raise RunbookError(
                f"{counted(len(left), 'object')} of the node probe could not be deleted: "
                f"{left[0].reason}",
                remedy=f"kubectl -n {probe.namespace} delete pod,secret -l {probe.selector}; the "
                f"pods end by themselves within {PROBE_SECONDS} s",
            )


def _prepare(probe: NodeProbe, cluster: ProbedCluster) -> None:
    """Delete what a killed probe has left, and create the login."""
    old = cluster.list_objects(
        "v1", "Pod", namespace=probe.namespace, labels=f"{LABELS}name={NODE_PROBE}"
    )
    for pod in filter(is_over, old):
        cluster.delete(pod)
    if probe.secret:
        cluster.apply(probe.secret)


def _create(pods: Mapping[str, Manifest], cluster: ProbedCluster) -> dict[str, Unreadable]:
    """Create the pods. Returns why some could not be, by node."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = pool.map(lambda pod: attempted(lambda: cluster.apply(pod)), pods.values())
        return {
            node: why for node, why in zip(pods, done, strict=True) if isinstance(why, Unreadable)
        }


def _followed(probe: NodeProbe, cluster: ProbedCluster) -> dict[str, Manifest]:
    """The pods by name, each as it was when it had its answer: a kubelet soon stops saying why it
    could not pull, and only says that it will try again."""
    settled: dict[str, Manifest] = {}
    latest: dict[str, Manifest] = {}

    def until(seen: dict[str, Manifest]) -> bool:
        latest.update(seen)
        for name, pod in seen.items():
            if name not in settled and is_settled(pod):
                settled[name] = pod
        return seen.keys() <= settled.keys()

    cluster.watch(
        "v1",
        "Pod",
        namespace=probe.namespace,
        labels=probe.selector,
        seconds=PROBE_SECONDS + AFTERWARDS,
        until=until,
    )
    return latest | settled

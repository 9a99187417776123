"""Waiting for a Deployment or DaemonSet, and what to show when it is not ready in time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.display.waiting import PlainChanges, Wait, begin_wait
from kuryr_runbook.model.errors import DeadlineError, RunbookError
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.wording import counted

ROLLOUT_SECONDS = 300.0
LOG_LINES = 25


def rolled_out(item: Manifest) -> bool:
    """Whether all pods of the newest template are available, and no older ones are left."""
    status = item.get("status", {})
    if status.get("observedGeneration", 0) < item["metadata"]["generation"]:
        return False
    if item["kind"] == "Deployment":
        wanted = item["spec"]["replicas"]
        counts: tuple[str, ...] = ("replicas", "updatedReplicas", "availableReplicas")
    else:
        wanted = status.get("desiredNumberScheduled", 0)
        counts = ("updatedNumberScheduled", "numberAvailable")
    return wanted > 0 and all(status.get(count, 0) == wanted for count in counts)


def progress(item: Manifest) -> str:
    """A rollout's progress in a few words."""
    status = item.get("status", {})
    if item["kind"] == "Deployment":
        wanted, have = item["spec"]["replicas"], status.get("availableReplicas", 0)
    else:
        wanted, have = status.get("desiredNumberScheduled", 0), status.get("numberAvailable", 0)
    return (
        f"{item['kind']} {item['metadata']['name']}: {have} of {counted(wanted, 'pod')} available"
    )


def wait_rolled_out(
    cluster: KubernetesClient, manifest: Manifest, seconds: float = ROLLOUT_SECONDS
) -> None:
    """Wait until the object is rolled out.

    Raises DeadlineError with the state and the last log lines of each pod that is not ready.
    """
    name, namespace = manifest["metadata"]["name"], manifest["metadata"]["namespace"]

    def look(seen: dict[str, Manifest]) -> tuple[bool, str]:
        if name not in seen:
            return False, ""
        item = {**seen[name], "kind": manifest["kind"]}
        return rolled_out(item), progress(item)

    wait = begin_wait(f"{manifest['kind']} {name}", seconds, PlainChanges)
    seen = watched(
        cluster,
        {**manifest, "metadata": {"namespace": namespace}},
        wait=wait,
        seconds=seconds,
        look=look,
    )
    done, shown = look(seen)
    if done:
        return
    pods = list(_pod_states(cluster, namespace, f"name={name}"))
    raise DeadlineError(
        "\n  ".join([f"{shown or name} after {seconds:.0f} s", *pods]),
        remedy="the pod's state and log above show the cause; fix it and run the phase again",
    )


def watched(
    cluster: KubernetesClient,
    reference: Manifest,
    *,
    wait: Wait,
    seconds: float,
    look: Callable[[dict[str, Manifest]], tuple[bool, str]],
) -> dict[str, Manifest]:
    """Watch the objects of a kind until `look` succeeds, and report its results to the wait.

    Returns what was seen last; the caller asks `look` again whether it was in time.
    """
    start = time.monotonic()

    def until(seen: dict[str, Manifest]) -> bool:
        done, shown = look(seen)
        report = wait.came if done else wait.still
        report(shown, time.monotonic() - start)
        return done

    try:
        seen = cluster.watch(
            reference["apiVersion"],
            reference["kind"],
            namespace=reference["metadata"].get("namespace"),
            seconds=seconds,
            until=until,
        )
    except BaseException:
        wait.broken()
        raise
    done, shown = look(seen)
    if not done:
        wait.expired(shown, time.monotonic() - start)
    return seen


def _pod_states(cluster: KubernetesClient, namespace: str, labels: str) -> Iterator[str]:
    for pod in cluster.list_objects("v1", "Pod", namespace=namespace, labels=labels):
        status = pod["status"]
        containers = [
            *status.get("initContainerStatuses", ()),
            *status.get("containerStatuses", ()),
        ]
        if containers and all(c["ready"] for c in containers):
            continue
        name = pod["metadata"]["name"]
        yield f"pod {name} on {pod['spec'].get('nodeName', 'no node')}: {status['phase']}"
        for condition in status.get("conditions", ()):
            if condition["status"] != "True" and condition.get("message"):
                yield f"  {condition['type']}: {condition['message']}"
        for container in containers:
            yield from _container_state(cluster, namespace, name, container)


def _container_state(
    cluster: KubernetesClient, namespace: str, pod: str, container: Manifest
) -> Iterator[str]:
    for state, detail in container.get("state", {}).items():
        reason = detail.get("reason", "")
        yield f"  container {container['name']}: {state} {reason} {detail.get('message', '')}"
    if "waiting" in container.get("state", {}) and not container.get("restartCount"):
        return
    try:
        log = cluster.log(namespace, pod, lines=LOG_LINES, container=container["name"])
    except RunbookError as error:
        yield f"  its log cannot be read: {error.message}"
        return
    yield from (f"  | {line}" for line in log.splitlines())

"""What an upgrade does besides applying manifests.

Before anything is changed, the new release checks the cluster, in a pod of its own; when its
controller runs, the state of pods that it would miss is copied to where it looks for it.
"""

from __future__ import annotations

from kuryr_runbook.applying.steps import Executor, Known, Say
from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.model.bodies import Body, plain
from kuryr_runbook.model.errors import CheckError, DeadlineError
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.plan import Step
from kuryr_runbook.model.releases.names import POD_FINALIZER
from kuryr_runbook.model.wording import counted
from kuryr_runbook.snapshots.cluster.installed import read_unmoved
from kuryr_runbook.specs.kuryr_port import kuryr_port
from kuryr_runbook.specs.upgrade_check import CHECK_SECONDS, CONTAINER, FAILURE, WARNING

LOG_LINES = 200


class UpgradeExecutor(Executor):
    """Does the step to another release. Leaves no pod behind, however it ends."""

    def __init__(self, cluster: KubernetesClient) -> None:
        self._cluster = cluster

    def execute(self, step: Step, body: Body, say: Say) -> Known:
        """Run the check, show its answer, and return it.

        Raises CheckError if the answer is no, or cannot be understood.
        """
        pod = plain(body)
        # An interrupted run's pod.
        self._cluster.delete(pod)
        self._cluster.apply(pod)
        try:
            status, log = self._answer(pod)
        finally:
            self._cluster.delete(pod)
        for line in log.splitlines():
            say(f"  | {line}")
        if status > WARNING:
            raise CheckError(
                f"Kuryr's upgrade check ended with {status}, {_meaning(status)}:\n  {log}",
                remedy="nothing was changed: fix what it names and run the phase again, or set "
                "kuryr.release to the release that is installed",
            )
        return {"status": status, "log": log}

    def _answer(self, pod: Manifest) -> tuple[int, str]:
        """Exit status and log. Raises DeadlineError with what was last seen."""
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]

        def until(seen: dict[str, Manifest]) -> bool:
            return name in seen and _exit_status(seen[name]) is not None

        seen = self._cluster.watch(
            "v1",
            "Pod",
            namespace=namespace,
            labels=f"name={name}",
            seconds=CHECK_SECONDS,
            until=until,
        )
        found = seen.get(name, {})
        status = _exit_status(found)
        if status is None:
            raise DeadlineError(
                f"Kuryr's upgrade check did not end in {CHECK_SECONDS} s; its pod was "
                f"{_story(found)}",
                remedy="nothing was changed: check that nodes can pull the image and have room",
            )
        return status, self._cluster.log(namespace, name, lines=LOG_LINES, container=CONTAINER)


class VifExecutor(Executor):
    """Moves the VIFs of the pods that are running by now."""

    def __init__(self, cluster: KubernetesClient) -> None:
        self._cluster = cluster

    def execute(self, step: Step, body: Body, say: Say) -> Known:
        """Create the KuryrPorts. A pod whose annotation is malformed is reported and skipped."""
        moved = 0
        for pod in read_unmoved(self._cluster):
            name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
            try:
                port = kuryr_port(pod)
            except ValueError as error:
                say(f"pod {name} is skipped: {error}")
                continue
            # The pod's finalizer first: while Kuryr keeps the pod, its port is not forgotten.
            self._cluster.change_finalizers(
                {"apiVersion": "v1", "kind": "Pod", **pod}, added=[POD_FINALIZER]
            )
            self._cluster.apply(port)
            moved += 1
        say(f"moved the VIFs of {counted(moved, 'pod')}")
        return {"moved": moved}


def _exit_status(pod: Manifest) -> int | None:
    for container in pod.get("status", {}).get("containerStatuses", ()):
        if ended := container.get("state", {}).get("terminated"):
            return int(ended["exitCode"])
    return None


def _story(pod: Manifest) -> str:
    """The pod's state, in a few words."""
    status = pod.get("status", {})
    states = [
        f"{state} {detail.get('reason', '')} {detail.get('message', '')}".strip()
        for container in status.get("containerStatuses", ())
        for state, detail in container.get("state", {}).items()
    ]
    reasons = [item["message"] for item in status.get("conditions", ()) if item.get("message")]
    return "; ".join([str(status.get("phase", "not there")), *states, *reasons])


def _meaning(status: int) -> str:
    return "a failure" if status == FAILURE else "so it could not check"

"""Tries network policies, one after the other, with pods of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from kuryr_runbook.applying.by_kind import apply_manifests
from kuryr_runbook.checking.traffic.policies import Tried, check_left, check_tried, not_tried
from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.probes import AskingCloud
from kuryr_runbook.display.progress import say
from kuryr_runbook.model.findings import Finding, Status, worst
from kuryr_runbook.model.marks import is_of_policy, policy_of_group
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.plan import Plan
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.waits.polling import wait_for
from kuryr_runbook.phases.waits.traffic import GONE_SECONDS
from kuryr_runbook.phases.workload.checks import diagnosed
from kuryr_runbook.phases.workload.namespaces import own_namespace
from kuryr_runbook.planning.kubernetes import plan_manifests
from kuryr_runbook.snapshots.cluster.objects import is_ready
from kuryr_runbook.snapshots.cluster.previews import read_previews
from kuryr_runbook.snapshots.workload.ways import read_ways
from kuryr_runbook.specs.policy_trials import (
    FRIEND,
    PODS,
    SERVER,
    STRANGER,
    Trial,
    home,
    namespace_manifests,
    pod_manifest,
    policy_manifest,
    service_manifest,
    trial_manifests,
    trials,
)

PLAN = "policies"
READY_SECONDS = 300.0
SETTLED_SECONDS = 300.0
"""How long Kuryr may take to follow a change of a policy or a label."""


class PolicyTrials:
    """The trials of one site. `image` and `auth` are as for the verification's workload."""

    def __init__(
        self, site: Site, cluster: KubernetesClient, cloud: AskingCloud, image: str, auth: str
    ) -> None:
        self.site, self.cluster, self.cloud = site, cluster, cloud
        self.image, self.registry_auth = image, auth

    def plan(self) -> Plan:
        """The pods and their Service, compared with the cluster."""
        wanted = trial_manifests(self.site, self.image, self.registry_auth)
        return plan_manifests(PLAN, read_previews(wanted, self.cluster))

    def findings(self) -> list[Finding]:
        """Try them all, with new pods; if something is wrong, diagnose it and leave them there.

        Raises DriftError if a namespace belongs to somebody else.
        """
        remove_trials(self.site, self.cluster)
        apply_manifests(self.plan(), self.cluster, say)
        found = list(self._tried())
        if worst(found) in (Status.FAIL, Status.UNKNOWN):
            return diagnosed(self.site, self.cluster, self.cloud, found)
        remove_trials(self.site, self.cluster)
        return found

    def _tried(self) -> Iterator[Finding]:
        ready, seen = wait_for("the pods of the policies", READY_SECONDS, self._all_ready)
        if not ready:
            yield not_tried(seen)
            return
        addresses = self._addresses()
        policies: dict[str, Manifest] = {}
        seconds = SETTLED_SECONDS + self.site.kuryr.lb_activation_seconds
        for trial in trials(addresses):
            self._change(trial, policies)
            yield check_tried(self._settled(trial, addresses, seconds))
            seconds = SETTLED_SECONDS
        yield check_left(self._groups_left())

    def _pods(self) -> dict[str, Manifest]:
        found = (
            self.cluster.get(pod_manifest(self.site, self.image, name, guest=False))
            for name in PODS
        )
        return {pod["metadata"]["name"]: pod for pod in found if pod is not None}

    def _all_ready(self) -> tuple[bool, str]:
        pods = self._pods()
        waiting = [name for name in PODS if name not in pods or not is_ready(pods[name])]
        return not waiting, f"not ready: {', '.join(waiting)}"

    def _addresses(self) -> Mapping[str, str]:
        service = self.cluster.get(service_manifest(self.site)) or {}
        found = {name: pod["status"]["podIP"] for name, pod in self._pods().items()}
        return {**found, "": service["spec"]["clusterIP"]}

    def _change(self, trial: Trial, policies: dict[str, Manifest]) -> None:
        """From the policies of the trial before to its own, and its label to its guest."""
        say(trial.title)
        for name in policies.keys() - trial.policies.keys():
            self.cluster.delete(policy_manifest(self.site, name, policies.pop(name)))
        for name, spec in trial.policies.items():
            if policies.get(name) != spec:
                self.cluster.apply(policy_manifest(self.site, name, spec))
                policies[name] = spec
        for name in (FRIEND, STRANGER):
            pod = pod_manifest(self.site, self.image, name, guest=name == trial.guest)
            self.cluster.apply(pod)

    def _settled(self, trial: Trial, addresses: Mapping[str, str], seconds: float) -> Tried:
        begin = time.monotonic()
        seen: list[Tried] = []

        def look() -> tuple[bool, str]:
            seen[:] = [
                Tried(
                    trial=trial,
                    seen=read_ways(self.site, self.cluster, addresses, trial.judged),
                    ready=is_ready(self._pods().get(SERVER, {})),
                    seconds=time.monotonic() - begin,
                )
            ]
            [tried] = seen
            return tried.is_settled, "; ".join([*tried.problems, *tried.seen.untried.values()])

        wait_for(f"Kuryr to follow: {trial.title}", seconds, look)
        return seen[0]

    def _groups_left(self) -> list[str]:
        """Security groups of policies of these trials, after some time."""
        space = f"{home(self.site)}/"
        left: list[str] = []

        def look() -> tuple[bool, str]:
            left[:] = [
                group["id"]
                for group in self.cloud.list_resources("security_group")
                if is_of_policy(group["description"])
                and policy_of_group(group["description"]).startswith(space)
            ]
            return not left, ", ".join(left)

        wait_for("Kuryr to delete the policies' groups", GONE_SECONDS, look)
        return left


def spaces_of_trials(site: Site, cluster: KubernetesClient) -> list[Manifest]:
    """The namespaces of the trials that are there.

    Raises DriftError if one belongs to somebody else.
    """
    spaces = namespace_manifests(site)
    return [it for it in spaces if own_namespace(site, cluster, it) is not None]


def remove_trials(site: Site, cluster: KubernetesClient) -> int:
    """Delete these namespaces, until they are gone; return how many there were.

    Raises DriftError, or DeadlineError.
    """
    there = spaces_of_trials(site, cluster)
    for space in there:
        say(f"deleting namespace {space['metadata']['name']} and everything in it")
        cluster.delete(space)
    return len(there)

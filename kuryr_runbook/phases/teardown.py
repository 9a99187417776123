"""Teardown: removes everything that the runbook made, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kuryr_runbook.applying.by_kind import ByKind, Call, SiteExecutor
from kuryr_runbook.applying.credentials import CredentialExecutor
from kuryr_runbook.applying.steps import Executor, apply_plan
from kuryr_runbook.clients.openstack.identity import IdentityClient
from kuryr_runbook.display.progress import say
from kuryr_runbook.model.bodies import Body, plain
from kuryr_runbook.model.errors import DeadlineError, DriftError
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.plan import Action, Outcome, Plan, Step, Target, staged
from kuryr_runbook.model.wording import counted
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.earlier.openstack import ownership_of
from kuryr_runbook.phases.verification import Verification
from kuryr_runbook.phases.waits.rollout import wait_rolled_out
from kuryr_runbook.planning.credentials import (
    APPLICATION_CREDENTIAL,
    UNUSED_RULES,
    plan_credential_removal,
)
from kuryr_runbook.planning.finalizers import finalizer_removal
from kuryr_runbook.planning.kubernetes import deletion
from kuryr_runbook.planning.teardown import NODE_FILES, node_files_removal, openstack_removal
from kuryr_runbook.snapshots.cloud.credentials import read_credentials
from kuryr_runbook.snapshots.cloud.state import project_of, read_cloud
from kuryr_runbook.snapshots.cluster.finalizers import read_finalized
from kuryr_runbook.specs.manifests import INSTANCE, MANAGED_BY, RUNBOOK
from kuryr_runbook.specs.node_probe import NODE_PROBE
from kuryr_runbook.specs.policy_trials import policy_namespaces
from kuryr_runbook.specs.upgrade_check import UPGRADE_CHECK

KINDS = (
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "Deployment"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("v1", "ServiceAccount"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
)
"""Kinds of the objects that the runbook makes, in the order of their removal."""
DEFINITION = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
"""The kind that is removed last, since all objects that it defines go with it."""

ENDED = ("Succeeded", "Failed")
"""Phases of pods that no longer use the network, though their status may still show an address."""


class Teardown(Phase):
    """Removes everything with the runbook's mark, and what Kuryr left behind."""

    name = "teardown"

    def make_plan(self) -> Plan:
        """What there is to remove. Raises DriftError while other pods still use Kuryr."""
        self._refuse_users()
        objects = self._objects()
        daemon_sets = [item for item in objects if item["kind"] == "DaemonSet"]
        deployments = [item for item in objects if item["kind"] == "Deployment"]
        rest = [item for item in objects if item not in [*daemon_sets, *deployments]]
        say("reading Keystone, Neutron and Octavia")
        credentials = read_credentials(self.site, IdentityClient(self.cloud.session), self.cluster)
        project = project_of(self.site, self.cloud.project_id)
        cloud = read_cloud(self.cloud, project)
        ownership = ownership_of(self.site, credentials.cluster_id, cloud, self.cloud)
        stages = openstack_removal(ownership, self.options.keep)
        steps = staged(
            self._verification(),
            *node_files_removal(self.site, daemon_sets),
            [deletion(item, "the runbook made it") for item in deployments],
            [deletion(item, "the runbook made it") for item in rest],
            plan_credential_removal(self.site, credentials),
            *finalizer_removal(read_finalized(self.cluster)),
            [deletion(item, "the runbook made it") for item in self._marked(*DEFINITION)],
            *stages,
        )
        return Plan(phase=self.name, steps=tuple(steps))

    def carry_out(self, plan: Plan) -> list[Outcome]:
        """Remove stage by stage: workload, node files, daemon and controller, OpenStack."""
        credentials = CredentialExecutor(IdentityClient(self.cloud.session), self.cluster)
        of_kind: dict[str, Executor] = {
            "Namespace": Call(self._remove_verification),
            APPLICATION_CREDENTIAL: credentials,
            UNUSED_RULES.kind: credentials,
            NODE_FILES: Call(self._end_cleaning),
        }
        return apply_plan(plan, ByKind(of_kind, SiteExecutor(self.cloud, self.cluster)), say)

    def findings(self) -> Iterable[Finding]:
        """Whether anything is left."""
        left = self.make_plan().changes
        yield Finding(
            check="nothing-left",
            title="nothing of the runbook is left",
            status=Status.FAIL if left else Status.PASS,
            evidence=", ".join(str(step.target) for step in left) or "nothing found",
            remedy="run teardown again" if left else "",
        )

    def _objects(self) -> list[Manifest]:
        namespace = self.site.kubernetes.namespace
        found: list[Manifest] = []
        for version, kind in KINDS:
            cluster_wide = kind.startswith("ClusterRole")
            found += self._marked(version, kind, None if cluster_wide else namespace)
        # Cluster-wide objects of a half-removed verification go with its own removal. Pods go with
        # their controllers, except for those that a run creates directly.
        checks = [
            pod
            for pod in self._marked("v1", "Pod", namespace)
            if pod["metadata"]["name"].startswith((UPGRADE_CHECK, NODE_PROBE))
        ]
        return [*found, *checks]

    def _marked(self, version: str, kind: str, namespace: str | None = None) -> list[Manifest]:
        """All objects of a kind with the marks of this site."""
        mark = f"{MANAGED_BY}={RUNBOOK},{INSTANCE}={self.site.name}"
        return self.cluster.list_objects(version, kind, namespace=namespace, labels=mark)

    @property
    def _own_spaces(self) -> tuple[str, ...]:
        """The namespaces that phase 05 creates."""
        return self.site.verification.namespace, *policy_namespaces(self.site)

    def _verification(self) -> Iterator[Step]:
        spaces = {space["metadata"]["name"] for space in self._marked("v1", "Namespace")}
        if ours := spaces.intersection(self._own_spaces):
            target = Target("Namespace", ", ".join(sorted(ours)))
            yield Step(action=Action.DELETE, target=target, because="the verification made it")

    def _refuse_users(self) -> None:
        users = list(self._users())
        if users:
            shown = ", ".join(users[:10]) + (", ..." if len(users) > 10 else "")
            raise DriftError(
                f"{counted(len(users), 'pod still has', 'pods still have')} an address from "
                f"Kuryr: {shown}",
                remedy="delete these workloads first: they lose their network without Kuryr",
            )

    def _users(self) -> Iterator[str]:
        for pod in self.cluster.list_objects("v1", "Pod"):
            metadata, spec, status = pod["metadata"], pod["spec"], pod["status"]
            if status.get("phase") in ENDED:
                continue
            own = metadata["namespace"] in self._own_spaces
            if not own and not spec.get("hostNetwork") and status.get("podIP"):
                yield f"{metadata['namespace']}/{metadata['name']}"

    def _remove_verification(self, namespace: Body) -> None:
        """Delete the verification's workload; later stages remove what Kuryr leaves behind."""
        try:
            Verification.of(self, dry_run=self.dry_run).remove()
        except DeadlineError as error:
            say(error.message)

    def _end_cleaning(self, body: Body) -> None:
        """Wait until the cleaner has run on every node, and delete it."""
        cleaner = plain(body)
        there = self.cluster.get(cleaner)
        # If it is being deleted, it had run on every node when an earlier teardown deleted it.
        if there is not None and "deletionTimestamp" not in there["metadata"]:
            wait_rolled_out(self.cluster, cleaner)
        self.cluster.delete(cleaner)

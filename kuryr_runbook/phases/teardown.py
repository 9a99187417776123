"""Teardown: everything that the runbook made, taken back in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kuryr_runbook.applying.kubernetes import manifest_steps
from kuryr_runbook.applying.openstack import openstack_steps
from kuryr_runbook.applying.steps import Known, apply_plan
from kuryr_runbook.clients.openstack import COLLECTIONS
from kuryr_runbook.display.progress import say
from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.plan import Action, Outcome, Plan, Step, Target
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.rollout import wait_rolled_out
from kuryr_runbook.phases.verification import Verification
from kuryr_runbook.planning.kubernetes import target_of
from kuryr_runbook.planning.teardown import plan_openstack_removal
from kuryr_runbook.snapshots.openstack import read_openstack
from kuryr_runbook.specs.daemon import CLEANER, DAEMON, cleaner_manifest

KINDS = (
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "Deployment"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("v1", "ServiceAccount"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
)
"""Kinds of the objects that the runbook makes, in the order in which they go."""

NODE_FILES = "node_files"


class Teardown(Phase):
    """Removes what bears the runbook's mark, and what Kuryr itself left behind."""

    name = "teardown"

    def make_plan(self) -> Plan:
        """What is there of it. Raises DriftError while other pods still use Kuryr."""
        objects = self._objects()
        self._refuse_users()
        namespace = Target("Namespace", self.site.verification.namespace)
        steps = [
            Step(action=Action.DELETE, target=namespace, because="the verification made it")
            for _ in self._verification_namespaces()
        ]
        on_nodes = [o for o in objects if o["metadata"]["name"] in (DAEMON, CLEANER)]
        daemon_set = next((o for o in on_nodes if o["kind"] == "DaemonSet"), None)
        if daemon_set is not None:
            steps.append(self._cleaning(daemon_set))
        steps += [
            Step(
                action=Action.DELETE,
                target=target_of(item),
                because="the runbook made it",
                body=_reference(item),
            )
            for item in objects
        ]
        say("reading Neutron and Octavia")
        snapshot = read_openstack(self.cloud, self.site.openstack.k8s_project_id)
        steps += plan_openstack_removal(self.site, snapshot)
        return Plan(phase=self.name, steps=tuple(steps))

    def carry_out(self, plan: Plan) -> list[Outcome]:
        """Remove step by step: workload, node files, daemon, controller, OpenStack."""
        in_openstack = openstack_steps(self.cloud, say)
        in_kubernetes = manifest_steps(self.cluster)

        def execute(step: Step, body: Mapping[str, Any]) -> Known:
            if step.target.kind == "Namespace":
                Verification.of(self).remove()
                return {}
            if step.target.kind == NODE_FILES:
                return self._clean_nodes(body)
            if step.target.kind in COLLECTIONS or step.target.kind == "router_interface":
                return in_openstack(step, body)
            return in_kubernetes(step, body)

        return apply_plan(plan, execute, say)

    def findings(self) -> Iterable[Finding]:
        """Nothing is left."""
        left = self.make_plan().changes
        yield Finding(
            check="nothing-left",
            title="nothing of the runbook is left",
            status=Status.FAIL if left else Status.PASS,
            evidence=", ".join(str(step.target) for step in left) or "nothing found",
            remedy="run teardown again" if left else "",
        )

    def _objects(self) -> list[dict[str, Any]]:
        mark = (
            "app.kubernetes.io/managed-by=kuryr-runbook,"
            f"app.kubernetes.io/instance={self.site.name}"
        )
        namespace = self.site.kubernetes.namespace
        found = []
        for version, kind in KINDS:
            cluster_wide = kind.startswith("ClusterRole")
            found += self.cluster.list_objects(
                version, kind, namespace=None if cluster_wide else namespace, labels=mark
            )
        # A verification left half removed has cluster-wide objects too; its own removal has them.
        return found

    def _verification_namespaces(self) -> list[dict[str, Any]]:
        name = self.site.verification.namespace
        spaces = self.cluster.list_objects(
            "v1", "Namespace", labels="app.kubernetes.io/managed-by=kuryr-runbook"
        )
        return [space for space in spaces if space["metadata"]["name"] == name]

    def _refuse_users(self) -> None:
        users = list(self._users())
        if users:
            shown = ", ".join(users[:10]) + (", ..." if len(users) > 10 else "")
            raise DriftError(
                f"{len(users)} pods still have an address from Kuryr: {shown}",
                remedy="delete these workloads first: without Kuryr their network is gone",
            )

    def _users(self) -> Iterator[str]:
        for pod in self.cluster.list_objects("v1", "Pod"):
            metadata, spec = pod["metadata"], pod["spec"]
            own = metadata["namespace"] == self.site.verification.namespace
            if not own and not spec.get("hostNetwork") and pod["status"].get("podIP"):
                yield f"{metadata['namespace']}/{metadata['name']}"

    def _cleaning(self, daemon_set: dict[str, Any]) -> Step:
        image = daemon_set["spec"]["template"]["spec"]["containers"][0]["image"]
        return Step(
            action=Action.DELETE,
            target=Target(NODE_FILES, "CNI plugin and configuration on every node"),
            because="the daemon's init container put them there",
            body=cleaner_manifest(self.site, image),
        )

    def _clean_nodes(self, cleaner: Mapping[str, Any]) -> Known:
        """The cleaner comes before the daemon goes: cut off in between, teardown finds it."""
        self.cluster.apply(cleaner)
        self.cluster.delete(
            {
                "apiVersion": "apps/v1",
                "kind": "DaemonSet",
                "metadata": {"name": DAEMON, "namespace": self.site.kubernetes.namespace},
            }
        )
        wait_rolled_out(self.cluster, cleaner)
        self.cluster.delete(cleaner)
        return {}


def _reference(item: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {k: v for k, v in item["metadata"].items() if k in ("name", "namespace")}
    return {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": metadata}

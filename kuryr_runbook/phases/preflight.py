"""Phase 00: can this site work at all? Checks everything, and changes nothing, except for the pods
of a probe that is asked for and leaves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from kuryr_runbook.checking.preflight import check_preflight
from kuryr_runbook.clients.kubernetes.probes import ProbingCluster
from kuryr_runbook.clients.openstack.probes import ProbingCloud
from kuryr_runbook.display.progress import say
from kuryr_runbook.display.tables import View
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.plan import Outcome, Plan
from kuryr_runbook.phases.base import Phase, judged
from kuryr_runbook.phases.earlier.image import registry_login, registry_of
from kuryr_runbook.phases.site.probing import Question, ask_nodes
from kuryr_runbook.snapshots.cluster.node_probes import Probes
from kuryr_runbook.snapshots.preflight import (
    PreflightSnapshot,
    pullable,
    read_preflight,
    with_probes,
)
from kuryr_runbook.snapshots.reading import Unreadable, attempted


class Preflight(Phase):
    """Only checks, also in a dry run: there is nothing to plan or to apply."""

    name = "preflight"
    lasting = False
    needs_cluster = False

    @cached_property
    def probed_cloud(self) -> ProbingCloud:
        """The connection to the cloud: it cannot change anything."""
        return ProbingCloud(self.site.openstack.cloud, self.site.openstack.clouds_yaml, say)

    @cached_property
    def probed_cluster(self) -> ProbingCluster:
        """The connection to the cluster: it cannot change anything."""
        return ProbingCluster(self.site.kubernetes.kubeconfig, self.site.kubernetes.context, say)

    def read(self) -> PreflightSnapshot:
        """Cloud, cluster and registry; if one does not answer, the others are read nevertheless."""
        say("reading Kubernetes, Keystone, Neutron, Octavia and the registry")
        snapshot = read_preflight(
            self.site,
            attempted(lambda: self.probed_cloud),
            attempted(lambda: self.probed_cluster),
            attempted(lambda: registry_of(self.site)),
            resilience=self.options.resilience,
        )
        return (
            with_probes(snapshot, self._probe(snapshot)) if self.options.probe_nodes else snapshot
        )

    def _probe(self, snapshot: PreflightSnapshot) -> Probes | Unreadable:
        """What pods on the nodes find out; nothing of them stays."""
        nodes = snapshot.cluster.nodes
        if self.dry_run:
            return Unreadable("a dry run creates nothing, no pods either")
        if isinstance(nodes, Unreadable):
            return nodes
        image, is_there = pullable(snapshot)
        question = Question(
            site=self.site.name,
            namespace=self.site.kubernetes.namespace,
            pull=image,
            # Both Kuryr's image and its base have a shell.
            look=image if is_there else "",
            login=registry_login(self.site),
        )
        with self.locked():
            answers = ask_nodes(question, nodes, self.cluster)
        if isinstance(answers, Unreadable):
            return answers
        return Probes(image=image, is_there=is_there, answers=answers)

    def make_plan(self) -> Plan:
        """An empty plan."""
        return Plan(phase=self.name, steps=())

    def carry_out(self, plan: Plan) -> list[Outcome]:
        """Does nothing."""
        return []

    def findings(self) -> Iterable[Finding]:
        """All problems at once."""
        return check_preflight(self.read())

    def check(self) -> View:
        """Read and check everything. Raises CheckError when something has to be fixed first,
        UnknownError when a check got no answer; warnings are shown, and stop nothing.
        """
        found = tuple(self.findings())
        for finding in found:
            if finding.status is Status.WARN:
                say(f"warning: {finding.title}: {finding.evidence}\n  -> {finding.remedy}")
        return judged(self.name, found)

"""Phase 00: can this site work at all? Looks everywhere, and changes nothing."""

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
from kuryr_runbook.phases.earlier.image import registry_of
from kuryr_runbook.snapshots.preflight import PreflightSnapshot, read_preflight
from kuryr_runbook.snapshots.reading import attempted


class Preflight(Phase):
    """Has nothing to plan and nothing to apply: it looks, also in a dry run."""

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
        """Cloud, cluster and registry; what does not answer leaves the rest to be read."""
        say("looking at Kubernetes, Keystone, Neutron, Octavia and the registry")
        return read_preflight(
            self.site,
            attempted(lambda: self.probed_cloud),
            attempted(lambda: self.probed_cluster),
            attempted(lambda: registry_of(self.site)),
            resilience=self.options.resilience,
        )

    def make_plan(self) -> Plan:
        """Nothing is to be changed."""
        return Plan(phase=self.name, steps=())

    def carry_out(self, plan: Plan) -> list[Outcome]:
        """Nothing is changed."""
        return []

    def findings(self) -> Iterable[Finding]:
        """All that could be in the way, at once."""
        return check_preflight(self.read())

    def check(self) -> View:
        """Look and judge. Raises CheckError when something must be fixed first, UnknownError
        when something could not be looked at; a warning is shown, and stops nothing.
        """
        found = tuple(self.findings())
        for finding in found:
            if finding.status is Status.WARN:
                say(f"warning: {finding.title}: {finding.evidence}\n  -> {finding.remedy}")
        return judged(self.name, found)

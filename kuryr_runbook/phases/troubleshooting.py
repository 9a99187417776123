"""Phase 90: what is wrong with a Kuryr that was installed? Looks, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kuryr_runbook.checking.diagnosis import Place, check_diagnosis
from kuryr_runbook.checking.diagnosis_look import Look
from kuryr_runbook.checking.diagnosis_paths import trace
from kuryr_runbook.display.findings import causes_view
from kuryr_runbook.display.paths import path_view
from kuryr_runbook.display.progress import say
from kuryr_runbook.display.tables import View, table
from kuryr_runbook.model.findings import Finding
from kuryr_runbook.model.plan import Outcome, Plan
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.picturing import site_picture
from kuryr_runbook.snapshots.diagnosis import DiagnosisSnapshot, read_diagnosis, save_snapshot
from kuryr_runbook.snapshots.reading import attempted


class Troubleshooting(Phase):
    """Has nothing to plan and nothing to apply: it looks, also in a dry run."""

    name = "troubleshooting"
    lasting = False
    needs_cluster = False

    _snapshot: DiagnosisSnapshot | None = None

    def read(self) -> DiagnosisSnapshot:
        """Cloud and cluster, once; what does not answer leaves the rest to be read."""
        say("reading cluster and cloud")
        self._snapshot = read_diagnosis(
            self.site, attempted(lambda: self.cluster), attempted(lambda: self.cloud)
        )
        return self._snapshot

    def make_plan(self) -> Plan:
        """Nothing is to be changed."""
        return Plan(phase=self.name, steps=())

    def carry_out(self, plan: Plan) -> list[Outcome]:
        """Nothing is changed."""
        return []

    def findings(self) -> Iterable[Finding]:
        """All causes, the deepest first."""
        return check_diagnosis(Look(self.read()))

    def check(self) -> View:
        """Look anew, and show what is wrong. Raises nothing for it: that is the answer."""
        return causes_view(f"Diagnosis of site {self.site.name}", self.findings())

    def picture(self) -> View:
        """Draw the site with all findings marked on it, by what was read last."""
        return site_picture(self._last())

    def trace(self, *, pod: str = "", service: str = "", namespace: str = "default") -> View:
        """Draw the way to a pod or a Service, by what was read last."""
        if not pod and not service:
            return table("Path", ("nothing was drawn",), [("name a pod or a service",)])
        place = Place(namespace=namespace, pod=pod or None, service=service or None)
        return path_view(f"Path to {place}", trace(Look(self._last()), place))

    def save(self, path: str | Path) -> View:
        """Keep what was read last in a file for `kuryr-runbook diagnose --snapshot`."""
        save_snapshot(self._last(), Path(path))
        return table("Snapshot", ("file",), [(str(path),)])

    def _last(self) -> DiagnosisSnapshot:
        return self._snapshot or self.read()

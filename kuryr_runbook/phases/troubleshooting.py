"""Phase 90: what is wrong with an installed Kuryr, and what can be fixed?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from kuryr_runbook.applying.by_kind import apply_fixes
from kuryr_runbook.checking.diagnosis import Place, check_diagnosis
from kuryr_runbook.checking.paths import trace
from kuryr_runbook.checking.places import places_of
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.display.findings import causes_view
from kuryr_runbook.display.frontend import is_interactive
from kuryr_runbook.display.path_picker import Choosing, PathPicker
from kuryr_runbook.display.progress import say
from kuryr_runbook.display.tables import View, table
from kuryr_runbook.display.topology import site_picture
from kuryr_runbook.display.trees import path_view
from kuryr_runbook.model.approval import plan_document, refuse_unapproved
from kuryr_runbook.model.errors import RunbookError
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.fixes import PhaseFix
from kuryr_runbook.model.plan import Outcome, Plan, Step
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.catalogue import PHASES, PhaseEntry
from kuryr_runbook.phases.settling import settled
from kuryr_runbook.phases.waits.polling import wait_for
from kuryr_runbook.planning.fixes import plan_fixes
from kuryr_runbook.snapshots.diagnosis import DiagnosisSnapshot, read_diagnosis, save_snapshot
from kuryr_runbook.snapshots.reading import attempted
from kuryr_runbook.specs.controller import CONTROLLER

FIXED_SECONDS = 45.0
"""How long Kuryr and the kubelets may take with everything that waited for a fix."""
TAKEN = ".spec.replicas "
"""The only field that a fix takes over: another manager has scaled the controller to zero."""


class Troubleshooting(Phase):
    """Diagnoses, plans what is certain to help, and does it on request, by `fix` or `apply`."""

    name = "troubleshooting"
    lasting = False

    _snapshot: DiagnosisSnapshot | None = None
    _own: tuple[Step, ...] = ()
    """The steps of the last plan that do not belong to another phase."""
    _phases: tuple[PhaseEntry, ...] = ()
    """The phases whose plans are part of the last plan."""
    _fixed: frozenset[str] = frozenset()
    """The checks that should pass after the last plan's fixes."""

    def read(self) -> DiagnosisSnapshot:
        """Cloud and cluster, once; if one does not answer, the other is read nevertheless."""
        say("reading cluster and cloud")
        self._snapshot = read_diagnosis(
            self.site, attempted(lambda: self.cluster), attempted(lambda: self.cloud)
        )
        return self._snapshot

    def make_plan(self) -> Plan:
        """What is certain to fix the causes: steps of its own, and other phases' plans.

        A phase that cannot plan, because something existing does not fit its site, is reported and
        left out.
        """
        findings = [finding for finding in self.findings() if finding.fixes]
        fixes = [fix for finding in findings for fix in finding.fixes]
        self._fixed = frozenset(
            name for finding in findings for name in (finding.check, *finding.effects)
        )
        self._own = plan_fixes(self.name, self.seen, fixes).steps
        planned = [
            (entry, plan)
            for entry in PHASES
            if PhaseFix(entry.name) in fixes and (plan := self._plan_of(entry)) is not None
        ]
        self._phases = tuple(entry for entry, _ in planned)
        theirs = [step for _, plan in planned for step in _changes(plan)]
        return Plan(phase=self.name, steps=(*self._own, *theirs))

    def _plan_of(self, entry: PhaseEntry) -> Plan | None:
        """A phase's plan, made before the phases it depends on; None if it has no changes."""
        try:
            plan = entry.load().of(self, dry_run=True).make_plan()
        except RunbookError as error:
            say(f"phase {entry.name} cannot fix anything: {error}")
            return None
        return plan if plan.changes else None

    def carry_out(self, plan: Plan) -> list[Outcome]:
        """Fix: first what belongs to no phase, then phase by phase.

        Each phase plans again, after the ones before it are done. Raises DriftError when there is
        then more to change than was shown.
        """
        own = replace(plan, steps=tuple(step for step in plan.steps if step in self._own))
        outcomes = apply_fixes(own, self.cloud, self.cluster, say) if own.steps else []
        shown = {"phases": [plan_document(plan)]}
        for entry in self._phases:
            phase = entry.load().of(self, dry_run=False)
            found = phase.make_plan()
            refuse_unapproved(shown, replace(found, phase=self.name))
            outcomes += phase.carry_out(found)
        return outcomes

    def _refuse_conflicts(self, plan: Plan) -> None:
        steps = [
            replace(step, conflicts=tuple(it for it in step.conflicts if not it.startswith(TAKEN)))
            if step.target.name.endswith(f"/{CONTROLLER}")
            else step
            for step in plan.steps
        ]
        super()._refuse_conflicts(replace(plan, steps=tuple(steps)))

    def fix(self, *, agreed: bool) -> View:
        """Carry out the plan that was shown, if agreed, and diagnose what is left."""
        if not agreed or self.dry_run:
            note = "nothing was changed: agreed=True carries out the plan that was shown"
            return table("Fix", (note,), [])
        self.apply().show()
        return self._causes(self.left())

    def left(self) -> list[Finding]:
        """What is left after a fix, once Kuryr has had time for everything that waited for it."""
        found: list[Finding] = []

        def look() -> tuple[bool, str]:
            found[:] = check_diagnosis(Look(self.read()))
            waiting = [it for it in found if it.status is Status.FAIL and it.check in self._fixed]
            return not waiting, "; ".join(it.evidence for it in waiting)

        wait_for("what was fixed to work again", FIXED_SECONDS, look)
        return found

    def findings(self) -> Iterable[Finding]:
        """All causes, deepest first."""
        return settled(self.read(), self.read).everywhere

    def check(self) -> View:
        """Diagnose again, and show what is wrong. Findings are results here, not errors."""
        return self._causes(self.findings(), anchored=True)

    def _causes(self, findings: Iterable[Finding], *, anchored: bool = False) -> View:
        return causes_view(f"Diagnosis of site {self.site.name}", findings, anchored=anchored)

    def picture(self) -> View:
        """Draw the site as last read; what has findings leads to them in what check() shows."""
        return site_picture(self.seen, linked=True)

    def trace(self, *, pod: str = "", service: str = "", namespace: str = "default") -> View:
        """Draw the path to a pod or a Service, as last read.

        If none is named, a person in JupyterLab may choose one.
        """
        if pod or service:
            return self._path(namespace, pod, service)
        view = table("Path", ("nothing was drawn",), [("name a pod or a service",)])
        if not is_interactive():
            return view
        picker = PathPicker(places_of(Look(self.seen)), self._path)
        return Choosing(view.form, view.html, view.data, picker)

    def _path(self, namespace: str, pod: str, service: str) -> View:
        place = Place(namespace=namespace, pod=pod or None, service=service or None)
        return path_view(f"Path to {place}", trace(Look(self.seen), place))

    def save(self, path: str | Path) -> View:
        """Save what was last read in a file for `kuryr-runbook diagnose --snapshot`."""
        save_snapshot(self.seen, Path(path))
        return table("Snapshot", ("file",), [(str(path),)])

    @property
    def seen(self) -> DiagnosisSnapshot:
        """What was last read."""
        return self._snapshot or self.read()


def _changes(plan: Plan) -> Iterator[Step]:
    """The steps in which a phase changes something, without those that keep."""
    targets = frozenset(step.target for step in plan.changes)
    return (replace(step, after=step.after & targets) for step in plan.changes)

"""What all phases have in common: a site, connections made on demand, read-plan-apply-check."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.kubernetes.leases import LeaseClient, Leases
from kuryr_runbook.clients.openstack.probes import AskingCloud
from kuryr_runbook.display.findings import findings_view
from kuryr_runbook.display.plans import left_out_view, outcomes_view, plan_view
from kuryr_runbook.display.progress import say
from kuryr_runbook.display.tables import View
from kuryr_runbook.model.approval import plan_document, refuse_unapproved
from kuryr_runbook.model.errors import CheckError, DriftError, UnknownError
from kuryr_runbook.model.findings import Finding, Status, worst
from kuryr_runbook.model.options import Options
from kuryr_runbook.model.plan import Outcome, Plan
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.wording import counted
from kuryr_runbook.phases.approval import Approval, read_document
from kuryr_runbook.phases.earlier.openstack import Prepared, read_prepared
from kuryr_runbook.phases.lock.taking import SiteLock, Work, locked
from kuryr_runbook.phases.parameters import read_parameters
from kuryr_runbook.phases.site.reading import chosen_site
from kuryr_runbook.phases.sources import Sources

FRESH_SECONDS = 15.0
"""How old a plan may be and still be carried out without planning again."""


@dataclass(frozen=True, slots=True)
class _Shown:
    plan: Plan
    at: float
    """Time of the monotonic clock."""


class Phase(ABC):
    """One phase, in the steps of its notebook: read, plan, apply, check.

    Every method returns a view of its result; calling it again is safe.
    """

    name: ClassVar[str]
    """The notebook's name, without its number."""
    lasting: ClassVar[bool] = True
    """Whether what it creates stays. If not, it needs no approval and never counts as drift."""
    needs_cluster: ClassVar[bool] = True
    """False if it can run before there is a cluster."""

    def __init__(
        self, site: Site, *, dry_run: bool = False, options: Options | None = None
    ) -> None:
        self.site = site
        self.dry_run = dry_run
        self.options = options or Options()
        self.sources = Sources(site)
        self._shown: _Shown | None = None
        self._approval = Approval(self.site.name)

    @classmethod
    def begin(cls, namespace: Mapping[str, Any]) -> Self:
        """The phase with a notebook's parameters, taken from the namespace of its cells.

        Raises UsageError for anything that is not a parameter, SiteError with all problems of the
        site.
        """
        given = read_parameters(namespace)
        return cls(chosen_site(given.site), dry_run=given.dry_run, options=given.options)

    @classmethod
    def of(cls, other: Phase, *, dry_run: bool) -> Self:
        """The phase for another one's site, using that one's connections."""
        phase = cls(other.site, dry_run=dry_run)
        phase.cloud, phase.cluster = other.cloud, other.cluster
        return phase

    @cached_property
    def cloud(self) -> AskingCloud:
        """The connection to the cloud."""
        return self.sources.cloud

    @cached_property
    def cluster(self) -> KubernetesClient:
        """The connection to the cluster."""
        return self.sources.cluster

    def prepared(self) -> Prepared:
        """Cluster and cloud as phase 02 left them, and its plan for them."""

        def read() -> Prepared:
            return read_prepared(self.site, self.cloud, lambda: self.cluster)

        return self.sources.read("prepared", read)

    @cached_property
    def leases(self) -> Leases:
        """The site's lock in the cluster."""
        return LeaseClient(self.site)

    @contextmanager
    def locked(self) -> Iterator[SiteLock]:
        """Keep other runs from changing the site, unless the run we belong to already does."""
        work = Work(command=f"phase.apply() of {self.name}", directory=Path.cwd())
        with locked(self.site, lambda: self.leases, work, say) as lock:
            lock.take_lease(needs_cluster=self.needs_cluster)
            yield lock

    def plan(self) -> View:
        """Read, compare with what is wanted, and show the difference.

        In JupyterLab a button below asks for approval, unless an approved plan was given. Raises
        DriftError when there is a change that is not in that approved plan.
        """
        plan = self.make_plan()
        self._refuse_unapproved(plan)
        self._shown = _Shown(plan, time.monotonic())
        view = plan_view(plan)
        return self._approval.ask(plan, view) if self._asks else view

    @property
    def _asks(self) -> bool:
        return not self.dry_run and self.options.approved_plan is None

    def _refuse_unapproved(self, plan: Plan) -> None:
        if self.lasting and self.options.approved_plan is not None:
            refuse_unapproved(read_document(self.options.approved_plan, self.site), plan)

    def apply(self) -> View:
        """Carry out the plan that was shown; in a dry run, report that nothing was done.

        If it was shown a while ago, or at a time when another run could change the site, it is
        made again first. Raises DriftError when there is now more to change than was shown, or a
        field is held by another manager, and ApprovalError when the person in JupyterLab has not
        approved it.
        """
        if self.dry_run:
            return left_out_view(self.name, "nothing was changed")
        if self._shown is not None:
            self._refuse_unasked(self._shown.plan)
        with self.locked() as lock:
            plan = self._still_right(self._shown, planned_under_lock=lock.was_held)
            self._refuse_unasked(plan)
            self._refuse_conflicts(plan)
            self._shown = None
            self._approval.used()
            outcomes = self.carry_out(plan)
        return outcomes_view(self.name, outcomes)

    def _refuse_unasked(self, plan: Plan) -> None:
        if self._asks:
            self._approval.refuse(plan)

    def _refuse_conflicts(self, plan: Plan) -> None:
        held = [
            f"{step.target}: {conflict}" for step in plan.changes for conflict in step.conflicts
        ]
        if held and not self.options.force_conflicts:
            raise DriftError(
                "\n  ".join([f"{self.name}: other managers hold fields that would change:", *held]),
                remedy="remove the other manager's change (kubectl get -o yaml "
                "--show-managed-fields shows it), or take over the fields with --force-conflicts",
            )

    def _still_right(self, shown: _Shown | None, *, planned_under_lock: bool) -> Plan:
        if shown is not None and planned_under_lock and time.monotonic() - shown.at < FRESH_SECONDS:
            return shown.plan
        plan = self.make_plan()
        self._refuse_unapproved(plan)
        if shown is not None:
            refuse_unapproved({"phases": [plan_document(shown.plan)]}, plan)
        return plan

    def check(self) -> View:
        """Check the phase's result. Raises CheckError when something is wrong with it."""
        if self.dry_run:
            return left_out_view(self.name, "nothing was checked")
        return judged(self.name, self.findings())

    @abstractmethod
    def make_plan(self) -> Plan:
        """What is wanted minus what was read; changes nothing."""

    @abstractmethod
    def carry_out(self, plan: Plan) -> list[Outcome]:
        """Apply the plan."""

    @abstractmethod
    def findings(self) -> Iterable[Finding]:
        """The results of the phase's checks."""


def judged(name: str, findings: Iterable[Finding], key: str = "findings") -> View:
    """Show findings; raise CheckError if a check failed, UnknownError if one got no answer.

    `key` is the findings' key in the view's data. If several cells of a phase use the same key,
    the last one counts.
    """
    found = tuple(findings)
    view = findings_view(name, found, key)
    verdict = worst(found)
    if verdict in (Status.FAIL, Status.UNKNOWN):
        view.show()
        bad = [_line(item) for item in found if item.status is verdict]
        remedies = [item.remedy for item in found if item.status is verdict and item.remedy]
        error = CheckError if verdict is Status.FAIL else UnknownError
        raise error(
            "\n  ".join([f"{name}: {len(bad)} of {counted(len(found), 'check')}: {verdict}", *bad]),
            remedy="; ".join(dict.fromkeys(remedies)) or None,
        )
    return view


def _line(finding: Finding) -> str:
    cause = f"; cause: {finding.cause}" if finding.cause else ""
    return f"{finding.title}: {finding.evidence}{cause}"

"""Phase 02: networks, security groups and the API's load balancer in OpenStack."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kuryr_runbook.applying.openstack import apply_openstack
from kuryr_runbook.display.plans import left_out_view
from kuryr_runbook.display.progress import say
from kuryr_runbook.display.tables import View, table
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.plan import Outcome, Plan
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.earlier.openstack import ID_NAMES, Prepared


class OpenStackPrep(Phase):
    """Creates what Kuryr needs in Neutron and Octavia; uses what exists."""

    name = "openstack_prep"

    _seen: Prepared | None = None
    """What was last read; None after a change."""

    def read(self) -> Prepared:
        """Cloud and cluster, with the resulting plan."""
        say("reading Neutron, Octavia and the nodes")
        self._seen = self.prepared()
        return self._seen

    def make_plan(self) -> Plan:
        """The missing resources. Raises DriftError when an existing one does not fit."""
        return self.read().plan

    def carry_out(self, plan: Plan) -> list[Outcome]:
        """Create and update in Neutron and Octavia."""
        self._seen = None
        return apply_openstack(plan, self.cloud, say)

    def findings(self) -> Iterable[Finding]:
        """Each wanted resource, read again."""
        plan = self.make_plan()
        changed = {step.target for step in plan.changes}
        for step in plan.steps:
            yield Finding(
                check=f"openstack-{step.target.kind}",
                title=str(step.target),
                status=Status.FAIL if step.target in changed else Status.PASS,
                evidence=step.because,
                remedy="run the phase again" if step.target in changed else "",
            )

    def ids(self) -> View:
        """The ids that the next phases use, under the names of the original's variables."""
        if self.dry_run:
            return left_out_view(self.name, "ids are known once the phase has run")
        ids = (self._seen or self.read()).ids(self.site)
        rows = [(name, getattr(ids, name), meaning) for name, meaning in ID_NAMES.items()]
        view = table("Ids", ("name", "id", "what it is"), rows)
        return replace(view, data={"ids": {name: found for name, found, _ in rows}})

"""New credentials for a controller that runs: phase 03 once more, with another login."""

from __future__ import annotations

from typing import ClassVar

from kuryr_runbook.model.errors import EarlierPhaseError
from kuryr_runbook.model.plan import Plan
from kuryr_runbook.phases.controller import Controller
from kuryr_runbook.planning.upgrade import RELEASE
from kuryr_runbook.specs.controller import references


class Rotation(Controller):
    """Makes a new application credential, moves the controller to it, and deletes the old one.

    With `credentials: site` there is none to make: what is read from clouds.yaml goes into the
    Secret, and the controller is started anew when it differs.
    """

    name = "rotate_credentials"
    rotates: ClassVar[bool] = True

    def make_plan(self) -> Plan:
        """As phase 03's, but never content with the application credential that there is."""
        _, deployment = references(self.site)
        if self.cluster.get(deployment) is None:
            raise EarlierPhaseError(
                "there is no controller whose credentials could be rotated",
                remedy="install it: kuryr-runbook run",
            )
        plan = super().make_plan()
        if any(step.target == RELEASE for step in plan.changes):
            raise EarlierPhaseError(
                f"the cluster runs another release than the site's {self.site.release.name}",
                remedy="upgrade it first: kuryr-runbook run",
            )
        return plan

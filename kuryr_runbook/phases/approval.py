"""Approval of plans: by a person who steps through a notebook, or by a saved plan.

Only the JupyterLab that the runbook started has somebody to ask. In headless runs, and in other
notebooks, changes are approved by a saved plan.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from kuryr_runbook.clients.files import read_text
from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.display.asking import ApprovalPanel, Asking, bounded_height
from kuryr_runbook.display.frontend import is_interactive
from kuryr_runbook.display.tables import View
from kuryr_runbook.model.approval import (
    MAKE_ONE,
    Document,
    parse_document,
    plan_document,
    refuse_unapproved,
)
from kuryr_runbook.model.errors import ApprovalError
from kuryr_runbook.model.plan import Plan
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.wording import counted


class Approval:
    """Asks a person to approve a phase's plan, and remembers the answer."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._panel: ApprovalPanel | None = None
        self._approved: Document | None = None

    def ask(self, plan: Plan, view: View) -> View:
        """The plan's view, with a button if there are changes and somebody to ask.

        An earlier approval no longer counts, since the plan may be different.
        """
        self._end("A new plan has been made; this one can no longer be approved.")
        if not plan.changes or not is_interactive():
            return view
        changes = counted(len(plan.changes), "change")
        self._panel = ApprovalPanel(
            f"Nothing has been changed yet. Once you approve, the next cell makes the {changes} "
            f"above in {self._site}.",
            f"Approve {changes} for {self._site}",
            lambda: self._approve(plan),
        )
        return Asking(view.form, bounded_height(view.html), view.data, self._panel)

    def refuse(self, plan: Plan) -> None:
        """Raise ApprovalError unless the plan's changes were approved, or there is nobody to ask.

        Raises DriftError when a different plan was approved.
        """
        if not plan.changes or not is_interactive():
            return
        if self._approved is None:
            raise ApprovalError(
                f"{plan.phase}: nothing was changed, because the plan was not approved",
                remedy="run the cell with phase.plan(), read the plan, press Approve below it, and "
                "run this cell again",
            )
        refuse_unapproved({"phases": [self._approved]}, plan)

    def used(self) -> None:
        """The plan is being carried out: the next one needs a new approval."""
        self._end("✓ Approved. See the next cell's output for the result.")

    def _approve(self, plan: Plan) -> str:
        self._approved = plan_document(plan)
        now = datetime.now().astimezone()
        return f"✓ Approved at {now:%H:%M:%S}. The next cell makes these changes, and no others."

    def _end(self, why: str) -> None:
        if self._panel is not None:
            self._panel.end(why)
        self._panel, self._approved = None, None


def write_document(document: Document, path: Path) -> None:
    """Save a site's plans. Raises UsageError when the file cannot be written."""
    write_file(path, f"{json.dumps(document, indent=2)}\n")


def read_document(path: Path, site: Site) -> Document:
    """A saved plan. Raises UsageError when it cannot be read, or is not for that site."""
    text = read_text(path, "the saved plan", remedy=MAKE_ONE)
    return parse_document(text, f"the saved plan {path}", site)

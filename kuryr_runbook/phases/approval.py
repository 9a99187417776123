"""Approval of plans: by a person who steps through a notebook, or as a saved file.

Only in the JupyterLab that the runbook started is there somebody to ask. Headless, and in other
notebooks, nothing is asked here: a saved plan is how a change is approved there.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from kuryr_runbook.clients.files import read_text
from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.display.asking import ApprovalPanel, Asking
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


class Approval:
    """What a person was asked about a phase's plan, and answered."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._panel: ApprovalPanel | None = None
        self._approved: Document | None = None

    def ask(self, plan: Plan, view: View) -> View:
        """The view of the plan, with a button if it has changes and somebody is there.

        What was approved before does not count any more: the plan may be another one.
        """
        self._end("Another plan was made since: this one cannot be approved any more.")
        if not plan.changes or not is_interactive():
            return view
        number = len(plan.changes)
        changes = f"{number} change{'s' if number > 1 else ''}"
        self._panel = ApprovalPanel(
            f"Nothing is changed yet. The next cell makes the {changes} above in {self._site}, "
            "once you approve.",
            f"Approve {changes} for {self._site}",
            lambda: self._approve(plan),
        )
        return Asking(view.text, view.html, view.data, self._panel)

    def refuse(self, plan: Plan) -> None:
        """Raise ApprovalError unless somebody approved this plan's changes, or nobody is asked.

        Raises DriftError when the approved plan was another one.
        """
        if not plan.changes or not is_interactive():
            return
        if self._approved is None:
            raise ApprovalError(
                f"{plan.phase}: nothing was changed, since the plan was not approved",
                remedy="run the cell with phase.plan(), look at what it shows, press Approve below "
                "it, and run this cell again",
            )
        refuse_unapproved({"phases": [self._approved]}, plan)

    def used(self) -> None:
        """The plan is being carried out: the next one is asked about anew."""
        self._end("✓ Approved, and carried out by the next cell: its output tells what came of it.")

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
    """A saved plan. Raises UsageError when it cannot be read, or is none for that site."""
    text = read_text(path, "the saved plan", remedy=MAKE_ONE)
    return parse_document(text, f"the saved plan {path}", site)

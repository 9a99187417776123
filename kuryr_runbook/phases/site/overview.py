"""Where the chosen site stands: what each phase would change, and how it was last run."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path
from urllib.parse import quote

from kuryr_runbook.display.asking import Asking, LinkPanel
from kuryr_runbook.display.frontend import RECORDS_VARIABLE, is_interactive
from kuryr_runbook.display.progress import say
from kuryr_runbook.display.tables import Linked, View, table
from kuryr_runbook.model.errors import SiteError
from kuryr_runbook.model.plan import Action, Plan
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.catalogue import (
    AUDIT,
    PHASES,
    TEARDOWN,
    TROUBLESHOOTING,
    PhaseEntry,
    planned_together,
)
from kuryr_runbook.phases.site.reading import chosen_site
from kuryr_runbook.recording.accounts import LastRun, last_runs
from kuryr_runbook.recording.standing import INDEX, RUNS
from kuryr_runbook.snapshots.reading import Unreadable, within

SECONDS = 30.0
"""How long a person waits for the plans, which are made at the same time."""
MINUTES = len("2026-11-01T10:15")
"""Letters of a time in ISO 8601, to the minute."""
ALL = (*PHASES, AUDIT, TROUBLESHOOTING, TEARDOWN)
COLUMNS = ("phase", "last run (UTC)", "ended", "its plan would change")
NOTE = (
    "Last runs are those of “kuryr-runbook run” and “teardown” in this directory. What was done "
    "step by step is in the notebooks themselves."
)
APART = {
    "audit": "only looks",
    "troubleshooting": "begins with what is found",
    "teardown": "removes what the others made",
}
"""Why phases outside of a run are not planned here, after "it"."""


def where_it_stands() -> View:
    """A row for each phase, with a link to its notebook; below, the pages of the site's runs.

    Reads and plans; changes nothing.
    """
    try:
        site = chosen_site({})
    except SiteError as error:
        return table("Where the site stands", ("no site is chosen",), [(str(error),)])
    say(f"planning {site.name}; nothing is changed")
    runs = RUNS / site.name
    last = last_runs(runs, frozenset(entry.name for entry in (*PHASES, TEARDOWN)))
    # Progress of plans that are made at the same time would be mixed up.
    with redirect_stdout(io.StringIO()):
        plans = planned(site)
    view = table(f"Where {site.name} stands", COLUMNS, rows(plans, last), NOTE)
    return _with_records(view, runs)


def planned(site: Site) -> dict[str, Plan | Unreadable]:
    """The plans of the phases that create something lasting, or why there is none."""
    attempt, phases = within(SECONDS), planned_together(site, PHASES)

    def plan(phase: Phase) -> Plan | Unreadable:
        return attempt(phase.make_plan)

    with ThreadPoolExecutor(len(phases)) as threads:
        return dict(zip(phases, threads.map(plan, phases.values()), strict=True))


def rows(
    plans: Mapping[str, Plan | Unreadable], last: Mapping[str, LastRun]
) -> Iterator[Sequence[object]]:
    """A row for each phase."""
    for entry in ALL:
        run = last.get(entry.name)
        name = entry.name.replace("_", " ")
        yield (
            Linked(f"{entry.number} {name}", entry.notebook),
            run.started[:MINUTES].replace("T", " ") if run else "never",
            run.status if run else "",
            _changes(plans.get(entry.name), entry),
        )


def _changes(plan: Plan | Unreadable | None, entry: PhaseEntry) -> str:
    if plan is None:
        return f"not planned: it {entry.unplanned or APART[entry.name]}"
    if isinstance(plan, Unreadable):
        return f"? not known: {plan.reason}"
    counts = [f"{count} {action}" for action, count in plan.counts().items()]
    changes = [
        it for it, action in zip(counts, plan.counts(), strict=True) if action is not Action.KEEP
    ]
    return ", ".join(changes) or "✓ nothing: all is as wanted"


def _with_records(view: View, runs: Path) -> View:
    """The view, and if there are pages of runs, the way there."""
    served = os.environ.get(RECORDS_VARIABLE)
    if not (runs / INDEX).exists() or not served or not is_interactive():
        return view
    address = f"{served}{quote(runs.name)}/{INDEX}"
    return Asking(view.form, view.html, view.data, LinkPanel("All runs and their records", address))

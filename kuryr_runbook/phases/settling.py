"""What diagnosis finds, once what has just changed has settled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kuryr_runbook.checking.diagnosis import EVERYWHERE, Place, check_diagnosis
from kuryr_runbook.checking.settling import changing
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.display.progress import say
from kuryr_runbook.model.findings import Finding
from kuryr_runbook.phases.waits.polling import wait_for
from kuryr_runbook.snapshots.diagnosis import DiagnosisSnapshot

SETTLING_SECONDS = 10.0
"""How long to look again while what is found may follow from a change of the last minute."""


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """What was read, and what is wrong in it."""

    snapshot: DiagnosisSnapshot
    look: Look
    """The snapshot, for checks."""
    everywhere: list[Finding]
    """All findings, deepest cause first."""

    def at(self, place: Place) -> list[Finding]:
        """What of it concerns a place."""
        return self.everywhere if place == EVERYWHERE else check_diagnosis(self.look, place)


def diagnosed(snapshot: DiagnosisSnapshot) -> Diagnosed:
    """What is wrong in a snapshot."""
    look = Look(snapshot)
    return Diagnosed(snapshot, look, check_diagnosis(look))


def settled(snapshot: DiagnosisSnapshot, read: Callable[[], DiagnosisSnapshot]) -> Diagnosed:
    """What is wrong in a snapshot, or in later ones while that is about what has just changed.

    Looks again for a few seconds. What is still found then is reported: a change does not excuse a
    fault.
    """
    found = diagnosed(snapshot)

    def look() -> tuple[bool, str]:
        nonlocal found
        found = diagnosed(read())
        what = changing(found.look, found.everywhere)
        return not what, what

    if what := changing(found.look, found.everywhere):
        say(f"looking again, since these have just changed: {what}")
        wait_for("what has just changed to settle", SETTLING_SECONDS, look)
    return found

"""What became of many sites, in one table and one document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from kuryr_runbook.display.tables import Coloured, Folded, View, table
from kuryr_runbook.model.errors import ExitCode
from kuryr_runbook.model.fleet import SiteAnswer, Standing, State
from kuryr_runbook.model.wording import counted

SIGNS = {
    State.DONE: Coloured("✓ done", "green"),
    State.CHANGES: Coloured("~ changes", "yellow"),
    State.FAILED: Coloured("✗ FAILED", "red"),
    State.CHECK_FAILED: Coloured("✗ CHECK FAILED", "red"),
    State.UNKNOWN: Coloured("? UNKNOWN", "magenta"),
    State.REFUSED: Coloured("✗ REFUSED", "red"),
    State.NO_ANSWER: Coloured("✗ NO ANSWER", "red"),
    State.INTERRUPTED: Coloured("! interrupted", "yellow"),
    State.NOT_STARTED: Coloured("- not started", ""),
}

RUN_COLOURS = {True: "green", False: "red"}
"""Of a newest run, by whether it is fine."""


def fleet_view(title: str, answers: Sequence[SiteAnswer], stopped: str = "") -> View:
    """A row for each site: its state, and below each other its result and its error.

    `stopped` is why some were not started.
    """
    waves = any(answer.wave is not None for answer in answers)
    columns = ("site", *(("wave",) if waves else ()), "state", "s", "result")
    rows = [_row(answer, waves=waves) for answer in answers]
    counts = Counter(answer.state for answer in answers)
    numbers = ", ".join(f"{counts[state]} {state}" for state in State if counts[state])
    note = f"{counted(len(answers), 'site')}: {numbers}."
    return table(title, columns, rows, f"{note} Stopped: {stopped}." if stopped else note)


def _row(answer: SiteAnswer, *, waves: bool) -> list[object]:
    said = _said(answer.summary, answer.error)
    wave = [answer.wave or "-"] if waves else []
    seconds = f"{answer.seconds:.1f}" if answer.seconds else "-"
    return [answer.site or str(answer.file), *wave, SIGNS[answer.state], seconds, said]


def _said(summary: str, error: str) -> Folded:
    """The summary, or else the error's first line; the rest is below the row, where it has room."""
    first, _, rest = error.partition("\n")
    lines = (first, rest) if summary else (rest,)
    return Folded(
        text=summary or first, summary="", details="", below="\n".join(filter(None, lines))
    )


def fleet_document(
    answers: Sequence[SiteAnswer], exit_code: ExitCode, stopped: str = ""
) -> dict[str, Any]:
    """The same for machines, with the exit status for all sites together."""
    return {
        "exit_code": int(exit_code),
        "stopped": stopped or None,
        "sites": [_document(answer) for answer in answers],
    }


def _document(answer: SiteAnswer) -> Mapping[str, Any]:
    return {
        "site": answer.site or None,
        "file": str(answer.file),
        "state": str(answer.state),
        "exit_code": None if answer.status is None else int(answer.status),
        "wave": answer.wave,
        "seconds": answer.seconds,
        "summary": answer.summary,
        "error": answer.error or None,
        **answer.data,
    }


def standings_view(standings: Sequence[Standing]) -> View:
    """A row for each site's newest run."""
    columns = ("site", "release", "run", "started (UTC)", "where it is, or stopped")
    rows = [
        (
            it.site or str(it.file),
            it.release or "-",
            Coloured(it.status or "-", RUN_COLOURS[it.exit_code is ExitCode.DONE]),
            it.started[:19].replace("T", " ") or "-",
            _said(it.phase, it.error),
        )
        for it in standings
    ]
    return table("Sites", columns, rows, f"{counted(len(standings), 'site')}.")


def standings_document(standings: Sequence[Standing], exit_code: ExitCode) -> dict[str, Any]:
    """The same for machines."""
    sites = [
        {
            "site": it.site or None,
            "file": str(it.file),
            "release": it.release or None,
            "status": it.status or None,
            "started": it.started or None,
            "run": None if it.run is None else str(it.run),
            "phase": it.phase or None,
            "error": it.error or None,
        }
        for it in standings
    ]
    return {"exit_code": int(exit_code), "sites": sites}

"""Records of runs, and the differences between two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kuryr_runbook.display.tables import View, sentence, stacked, table
from kuryr_runbook.model.plan import Change
from kuryr_runbook.model.wording import command_of


def record_view(predicate: Mapping[str, Any]) -> View:
    """What a record says, as two tables."""
    phases = [
        (
            phase["phase"],
            phase["status"],
            "" if phase["seconds"] is None else phase["seconds"],
            _counts(phase.get("plan", {}).get("counts", {})),
            _counts(Counter(item["status"] for item in phase.get("findings", ()))),
        )
        for phase in predicate["phases"]
    ]
    facts = table("Record", ("what", "value"), _facts(predicate))
    columns = ("phase", "status", "s", "plan", "findings")
    return stacked((facts, table("Phases", columns, phases)))


def _facts(predicate: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    run, by, previous = predicate["run"], predicate["by"], predicate["previous"]
    yield "number", predicate["number"] or "none: a dry run is no link of the chain"
    yield "before it", f"{previous['number']}: {previous['directory']}" if previous else "none"
    yield "command", command_of(run) + (", dry run" if run["dry_run"] else "")
    if "cwd" in run:
        yield "from", run["cwd"]
    yield "status", run["status"]
    yield "time", f"{run['started']} to {run['ended']}"
    yield "by", f"{by['user']} on {by['host']}"
    yield "site", f"{predicate['site']['name']}, {predicate['site']['digest']['sha256']}"
    yield "kuryr-runbook", " ".join(predicate["runbook"].values())
    for kind in ("cloud", "cluster"):
        for name, value in predicate[kind].items():
            yield f"{kind}: {name}", value
    for phase in predicate["phases"]:
        if image := phase.get("image"):
            yield "image", f"{image['name']} {image['digest']}"
        for digest in phase.get("plugins", {}).get("sha256", ()):
            yield "CNI plugin", digest
        yield from phase.get("ids", {}).items()
        if phase["error"]:
            yield "error", phase["error"]


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def differences_view(before: str, after: str, found: Mapping[str, Sequence[Change]]) -> View:
    """One table for each subject in which the runs differ."""
    if not found:
        return sentence(f"{before} and {after} do not differ")
    views = (
        table(
            subject,
            ("what", before, after),
            [(c.field, c.before, c.after) for c in changes],
            prose=(before, after),
        )
        for subject, changes in found.items()
    )
    return stacked(views)

"""From what the command for one site printed to its place in the table of all sites."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kuryr_runbook.display.plans import totals
from kuryr_runbook.model.documents import mapping, parse_json
from kuryr_runbook.model.findings import GRAVITY, Status
from kuryr_runbook.model.plan import Action

NAMED = 5
"""How many of a site's causes are named; the rest are counted."""
TAIL_LINES = 5
"""How much is shown of what a command said that ended without saying why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """What a site's command printed, and how it ended."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What that means."""

    summary: str = ""
    error: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


def planned(printed: Printed) -> Result:
    """The result of `plan --json`: the number of changes, and the steps that are one."""
    if not printed.stdout.strip():
        return Result(error=_why(printed))
    document = _parsed(printed.stdout, "the plan")
    phases = [{**phase, "steps": _changes(phase)} for phase in document["phases"]]
    left = sum(len(phase["left"]) for phase in phases)
    behind = f" {left} left behind." if left else ""
    return Result(
        summary=f"{totals(phases)}{behind}", data={"plan": {**document, "phases": phases}}
    )


def _changes(phase: Mapping[str, Any]) -> list[Any]:
    return [step for step in phase["steps"] if step["action"] != Action.KEEP]


def diagnosed(printed: Printed) -> Result:
    """The result of `diagnose --json`: the causes, those that are not passed or skipped."""
    if not printed.stdout.strip():
        return Result(error=_why(printed))
    document = _parsed(printed.stdout, "the diagnosis")
    quiet = (Status.PASS, Status.SKIP)
    causes = [it for it in document["findings"] if it["status"] not in quiet]
    counts = Counter(it["status"] for it in causes)
    numbers = ", ".join(f"{counts[status]} {status}" for status in GRAVITY if counts[status])
    more = [f"and {len(causes) - NAMED} more"] if len(causes) > NAMED else []
    lines = [f"{numbers}:" if numbers else "nothing is wrong"]
    lines += [*map(_named, causes[:NAMED]), *more]
    return Result(summary="\n".join(lines), data={"worst": document["worst"], "findings": causes})


def _named(finding: Mapping[str, Any]) -> str:
    subject = f": {finding['subject']}" if finding["subject"] else ""
    return f"{finding['status']} {finding['title']}{subject}"


def ran(printed: Printed) -> Result:
    """The result of `run --log-format json`: where it was recorded, and what went wrong."""
    said = [line for line in printed.stderr.splitlines() if '"ended"' in line]
    ended = _parsed(said[-1], "the run's last event") if said else {}
    if ended.get("event") != "ended":
        return Result(error=_why(printed))
    known = {name: ended[name] for name in ("status", "directory") if name in ended}
    return Result(
        summary=": ".join(known.values()),
        error="\n".join(ended["errors"]),
        data={"run": known},
    )


def _parsed(text: str, what: str) -> dict[str, Any]:
    return mapping(parse_json(text, what), what)


def _why(printed: Printed) -> str:
    """The error message without the line breaks that fitted it to a terminal."""
    said = printed.stderr.rpartition("error: ")[2] if "error: " in printed.stderr else ""
    if said:
        return "\n-> ".join(" ".join(part.split()) for part in said.split("\n  -> "))
    if printed.status < 0:
        names = {it.value: it.name for it in signal.Signals}  # Not of those for real time.
        number = -printed.status
        return f"ended by {names.get(number, f'signal {number}')}"
    tail = printed.stderr.strip().splitlines()[-TAIL_LINES:]
    return "\n".join([f"exit status {printed.status}", *tail])

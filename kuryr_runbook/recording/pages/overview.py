"""The first page of a run: what it changed, what it found, when, and with what.

It is written before the run's record and belongs to it, so it names nothing that comes later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kuryr_runbook.model import wording
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.plan import Action
from kuryr_runbook.recording.comparing import compare
from kuryr_runbook.recording.pages.comparison import render_comparison
from kuryr_runbook.recording.pages.frame import (
    Place,
    anchor,
    cut,
    folded,
    index_places,
    page,
    table,
    word,
)
from kuryr_runbook.recording.pages.timeline import render_timeline
from kuryr_runbook.recording.records import Record
from kuryr_runbook.recording.standing import INDEX, OVERVIEW
from kuryr_runbook.recording.statement import Predicate

MOST = 500
"""Rows of a table; the record has the rest."""
CHANGES = {"result": "nowrap", "action": "nowrap", "kind": "", "name": "", "id": "", "s": ""}
FINDINGS = {"status": "nowrap", "check": "", "evidence": "wide", "what to do": "wide"}


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is being recorded."""

    name: str
    """Name of its directory."""
    predicate: Predicate
    files: Collection[str]
    """What is in its directory."""


def render_overview(run: Run, before: Record | None, *, in_site: bool) -> str:
    """The page of a run; `before` is the one that was recorded before it, beside it."""
    predicate = run.predicate
    site, name = predicate["site"]["name"], run.name
    phases: Sequence[Mapping[str, Any]] = predicate["phases"]
    places = index_places(site, name, in_site=in_site)
    if before is not None:
        places.append(Place(f"← {before.directory.name}", before_href(before)))
    places.append(Place(f"Run {name}", None, is_here=True))
    if in_site:
        places.append(Place("later runs →", f"../{INDEX}#{anchor(name)}"))
    places += [
        Place(phase["phase"], href) for phase in phases if (href := phase_href(phase, run.files))
    ]
    body = "".join(
        (
            f"<p>{word(predicate['run']['status'])}{_dry(predicate)}</p>\n",
            "".join(_errors(phases)),
            _changes(predicate),
            _wrong(phases),
            f"<h2>Phases</h2>\n{_phases(phases, run.files)}",
            f"<h2>Timeline</h2>\n{render_timeline(phases)}",
            f"<h2>Who, from where, with what</h2>\n{_facts(predicate)}",
            _compared(before, run),
            _findings(phases),
        )
    )
    return page(f"Run {name} of {site}", places, body)


def before_href(before: Record) -> str:
    """Where the run before is: its first page, or for older runbooks' runs its row in the index."""
    name = before.directory.name
    if OVERVIEW in before.subjects:
        return f"../{quote(name)}/{OVERVIEW}"
    return f"../{INDEX}#{anchor(name)}"


def phase_href(phase: Mapping[str, Any], files: Collection[str]) -> str | None:
    """The page of a phase, relative to the run; None if there is none."""
    name = f"{Path(phase['notebook']).stem}.html"
    return quote(name) if name in files else None


def _dry(predicate: Mapping[str, Any]) -> str:
    return " dry run: it changed nothing" if predicate["run"]["dry_run"] else ""


def _errors(phases: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for phase in phases:
        if phase["error"]:
            name, error = cut(phase["phase"], 100), cut(phase["error"])
            yield f"<h2>Why {name} stopped</h2>\n<pre>{error}</pre>\n"


def changes_of(phase: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a phase changed, or would have changed: its steps with their outcomes."""
    steps = [step for step in phase.get("plan", {}).get("steps", ()) if _is_change(step)]
    done = {(it["kind"], it["name"]): it for it in phase.get("outcomes", ()) if _is_change(it)}
    for step in steps:
        yield {**step, **done.pop((step["kind"], step["name"]), {})}
    yield from done.values()


def _is_change(step: Mapping[str, Any]) -> bool:
    return bool(step["action"] != Action.KEEP)


def _changes(predicate: Mapping[str, Any]) -> str:
    title = "What it would change" if predicate["run"]["dry_run"] else "What it changed"
    made = [(phase["phase"], [*changes_of(phase)]) for phase in predicate["phases"]]
    tables = "".join(
        table(f"{name}: {len(changes)}", CHANGES, map(_change, changes[:MOST]))
        for name, changes in made
        if changes
    )
    return f"<h2>{title}</h2>\n{tables or '<p>Nothing.</p>'}\n"


def _change(change: Mapping[str, Any]) -> Sequence[str]:
    seconds = change.get("seconds")
    return (
        word(change["done"]) if "done" in change else "planned",
        escape(str(change["action"])),
        cut(change["kind"], 100),
        cut(change["name"], 300),
        f"<code>{cut(change['id'], 100)}</code>" if change.get("id") else "",
        "" if seconds is None else f"{seconds}",
    )


def bad_findings(phase: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A phase's findings that are neither passed nor skipped."""
    for finding in phase.get("findings", ()):
        if finding["status"] not in (Status.PASS, Status.SKIP):
            yield finding


def _wrong(phases: Sequence[Mapping[str, Any]]) -> str:
    wrong = [(phase["phase"], [*bad_findings(phase)]) for phase in phases]
    tables = "".join(
        table(f"{name}: {len(found)}", FINDINGS, map(_finding, found[:MOST]))
        for name, found in wrong
        if found
    )
    return f"<h2>What is to do</h2>\n{tables}" if tables else ""


def _finding(finding: Mapping[str, Any]) -> Sequence[str]:
    subject = finding.get("subject") or ""
    about = f'<br><span class="note">{cut(subject, 300)}</span>' if subject else ""
    return (
        word(finding["status"]),
        f"{cut(finding['title'], 300)}{about}",
        cut(finding["evidence"]),
        cut(finding["remedy"]),
    )


def _findings(phases: Sequence[Mapping[str, Any]]) -> str:
    found = [(phase["phase"], phase["findings"]) for phase in phases if phase.get("findings")]
    tables = "".join(
        folded(
            f"{name}: {wording.counted(len(findings), 'finding')}",
            table(name, FINDINGS, map(_finding, findings[:MOST])),
        )
        for name, findings in found
    )
    return f"<h2>All findings</h2>\n{tables}" if tables else ""


def _phases(phases: Sequence[Mapping[str, Any]], files: Collection[str]) -> str:
    columns = {"phase": "", "status": "nowrap", "s": "nowrap", "plan": "", "findings": ""}
    return table("Phases", columns, (_phase(phase, files) for phase in phases))


def _phase(phase: Mapping[str, Any], files: Collection[str]) -> Sequence[str]:
    href, name = phase_href(phase, files), cut(phase["phase"], 100)
    counts = phase.get("plan", {}).get("counts", {})
    seconds = phase["seconds"]
    return (
        f'<a href="{href}">{name}</a>' if href else name,
        word(phase["status"]),
        "" if seconds is None else f"{seconds}",
        escape(", ".join(f"{count} {action}" for action, count in counts.items())),
        counted(phase.get("findings", ())),
    )


def counted(findings: Sequence[Mapping[str, Any]]) -> str:
    """How many findings there are of each status."""
    states = [finding["status"] for finding in findings]
    return " ".join(
        word(status, f"{states.count(status)} {status}") for status in Status if status in states
    )


def _facts(predicate: Mapping[str, Any]) -> str:
    items = "".join(f"<dt>{cut(key, 100)}</dt><dd>{value}</dd>" for key, value in _each(predicate))
    packages = "".join(
        f"<dt>{cut(name, 100)}</dt><dd>{cut(version, 100)}</dd>"
        for name, version in predicate["packages"].items()
    )
    return f"<dl>{items}</dl>\n{folded('Versions of all packages', f'<dl>{packages}</dl>')}"


def _each(predicate: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names and escaped values."""
    run, by, previous = predicate["run"], predicate["by"], predicate["previous"]
    number = predicate["number"]
    yield "record", f"{number}" if number else "of a dry run, which is no link of the chain"
    if previous:
        after = f"{previous['number']}: {previous['directory']}"
        yield "newest change before it", cut(after, 300)
    yield "command", f"<code>{cut(wording.command_of(run))}</code>"
    yield "who", cut(f"{by['user']} on {by['host']}", 300)
    if "cwd" in run:
        yield "from", f"<code>{cut(run['cwd'], 500)}</code>"
    yield "begin and end", cut(f"{run['started']} to {run['ended']}", 100)
    yield "kuryr-runbook", cut(" ".join(map(str, predicate["runbook"].values())), 200)
    yield "site", cut(f"{predicate['site']['name']}, {predicate['site']['digest']['sha256']}", 300)
    for kind in ("cloud", "cluster"):
        for key, value in predicate[kind].items():
            yield f"{kind}: {key}", cut(value, 500)
    for phase in predicate["phases"]:
        if image := phase.get("image"):
            yield "image", cut(f"{image['name']} {image['digest']}", 500)
        for digest in phase.get("plugins", {}).get("sha256", ()):
            yield "CNI plugin", cut(digest, 100)


def _compared(before: Record | None, run: Run) -> str:
    if before is None:
        return ""
    found = compare(before.predicate, run.predicate)
    inner = render_comparison(before.directory.name, run.name, found)
    return f"<h2>Compared with the run before</h2>\n{inner}"

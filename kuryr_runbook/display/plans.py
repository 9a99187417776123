"""Plans and their outcomes: what changes comes first, with a sign; what stays is counted.

A plan is shown from its document, so that one that a notebook displayed looks the same.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from kuryr_runbook.display.tables import (
    Coloured,
    Folded,
    View,
    html_table,
    sentence,
    stacked,
    table,
)
from kuryr_runbook.model.approval import Document, plan_document
from kuryr_runbook.model.plan import Action, Done, Outcome, Plan

VALUE_WIDTH = 48
"""Characters of a value that a plan shows; the data for machines has all of it."""
SIGNS = {
    Action.KEEP: Coloured("= keep", ""),
    Action.CREATE: Coloured("+ create", "green"),
    Action.UPDATE: Coloured("~ update", "yellow"),
    Action.REPLACE: Coloured("-/+ replace", "magenta"),
    Action.DELETE: Coloured("- delete", "red"),
}
COUNTED = {Action.CREATE: "to create", Action.UPDATE: "to change", Action.REPLACE: "to replace",
           Action.DELETE: "to delete"}  # fmt: skip
DRY_RUN = "dry_run"
"""The key, in the data of a view, of what a dry run left out."""
COLUMNS = ("action", "kind", "name", "because")


def plan_view(plan: Plan, *, everything: bool = False) -> View:
    """One phase's plan: the steps that change something, and the number of the others.

    The reason for an update is followed by the fields, before and after, and by what running pods
    will notice. In HTML each reason unfolds to all fields of its step, and the resources that stay
    are behind their number; with `everything` the text lists them, too.
    """
    return document_view(plan_document(plan), everything=everything)


def document_view(document: Document, *, everything: bool = False) -> View:
    """The plan of one phase, from its document."""
    view = _phase_view(document, totals([document]), everything=everything)
    return replace(view, data={"plan": document})


def site_view(plans: Iterable[Plan], unplanned: Mapping[str, str], *, everything: bool) -> View:
    """The plans of several phases, those with changes first, with one total at the end.

    `unplanned` says for each phase that was chosen and has no plan why it has none.
    """
    documents = [plan_document(plan) for plan in plans]
    shown = [it for it in documents if everything or _changes(it) or it["left"]]
    quiet = [it["phase"] for it in documents if it not in shown]
    views = [_phase_view(it, "", everything=everything) for it in shown]
    if quiet:
        views.append(sentence(f"Nothing to change in {', '.join(quiet)}."))
    views.append(sentence(totals(documents)))
    if unplanned:
        why = "; ".join(f"{name}, which {reason}" for name, reason in unplanned.items())
        views.append(sentence(f"Not planned: {why}."))
    return stacked(views)


def totals(documents: Iterable[Document]) -> str:
    """How much would be changed in all, in one line."""
    counts: Counter[str] = Counter()
    for document in documents:
        counts.update(document["counts"])
    always = (Action.CREATE, Action.UPDATE, Action.DELETE)
    told = [
        f"{counts[action]} {words}"
        for action, words in COUNTED.items()
        if counts[action] or action in always
    ]
    kept = f"; {counts[Action.KEEP]} as wanted" if counts[Action.KEEP] else ""
    return f"{', '.join(told)}{kept}."


def _phase_view(document: Document, note: str, *, everything: bool) -> View:
    title = f"Plan of {document['phase']}"
    changes = [_row(step) for step in _changes(document)]
    kept = [_row(step) for step in document["steps"] if step["action"] == Action.KEEP]
    if changes or (everything and kept):
        changed = table(title, COLUMNS, [*changes, *(kept if everything else ())], note)
    else:
        stays = f"nothing to change; {len(kept)} as wanted" if kept else "nothing to do"
        changed = sentence(f"{title}: {stays}.")
    below = [_consequences_view(it)] if (it := document.get("consequences")) else []
    below += [_left_view(document["left"])] if document["left"] else []
    page = table(title, COLUMNS, changes, note).html if changes else changed.html
    folded = f"{page}{_folded(kept)}{''.join(view.html for view in below)}"
    return replace(stacked([changed, *below]), html=folded)


def _folded(kept: Sequence[Sequence[object]]) -> str:
    """What stays as it is, in HTML, behind its number."""
    if not kept:
        return ""
    summary = f'<summary style="cursor: pointer">{len(kept)} as wanted</summary>'
    return f"<details>{summary}{html_table('As wanted', COLUMNS, kept)}</details>"


def _consequences_view(found: Sequence[Mapping[str, Any]]) -> View:
    rows = [(it["kind"], it["name"], f"{it['what']}\n! {it['notice']}") for it in found]
    note = "Kuryr does this once the phase is done."
    return table("What follows", ("kind", "name", "what Kuryr does, and who notices"), rows, note)


def _left_view(left: Sequence[Mapping[str, Any]]) -> View:
    rows = [(it["kind"], it["name"], f"{it['because']}\n-> {it['remedy']}") for it in left]
    note = "No run removes these; teardown does."
    return table("Left behind", ("kind", "name", "why, and what to do"), rows, note)


def _changes(document: Document) -> list[Mapping[str, Any]]:
    return [step for step in document["steps"] if step["action"] != Action.KEEP]


def _row(step: Mapping[str, Any]) -> tuple[Coloured, str, str, str | Folded]:
    return SIGNS[Action(step["action"])], step["kind"], step["name"], _reason(step)


def _reason(step: Mapping[str, Any]) -> str | Folded:
    if step["action"] == Action.KEEP or not step["changes"]:
        return "\n".join([step["because"], *_details(step)])
    fields = [(change["field"], change["before"], change["after"]) for change in step["changes"]]
    return Folded(
        text=step["because"],
        below="\n".join(_details(step)),
        summary="\n".join([step["because"], *_warnings(step)]),
        details=html_table(f"{step['kind']} {step['name']}", ("field", "before", "after"), fields),
    )


def _details(step: Mapping[str, Any]) -> Iterator[str]:
    if step["action"] in (Action.UPDATE, Action.REPLACE):
        for change in step["changes"]:
            yield from _change(change)
    yield from _warnings(step)


def _warnings(step: Mapping[str, Any]) -> Iterator[str]:
    for conflict in step["conflicts"]:
        yield f"! held by another manager: {conflict}"
    if step["disturbs"]:
        yield f"! {step['disturbs']}"


def _change(change: Mapping[str, str]) -> Iterator[str]:
    field, before, after = change["field"], change["before"], change["after"]
    if len(before.splitlines()) <= 1 and len(after.splitlines()) <= 1:
        yield f"{field}: {_cut(before)} -> {_cut(after)}"
        return
    yield f"{field}:"
    for line in difflib.ndiff(before.splitlines(), after.splitlines()):
        if line[0] in "+-":
            yield _cut(line)


def _cut(text: str) -> str:
    return text if len(text) <= VALUE_WIDTH else f"{text[: VALUE_WIDTH - 3]}..."


def left_out_view(phase: str, what: str) -> View:
    """What a step of a phase says in a dry run, such as "nothing was changed"."""
    return replace(sentence(f"Dry run of {phase}: {what}."), data={DRY_RUN: what})


def outcomes_view(phase: str, outcomes: Sequence[Outcome]) -> View:
    """What was done, and the seconds it took; what was kept is only counted."""
    rows = [
        (
            item.done,
            item.step.action,
            item.step.target.kind,
            item.step.target.name,
            f"{item.seconds:.1f}",
        )
        for item in outcomes
        if item.done is not Done.KEPT
    ]
    states = [item.done for item in outcomes]
    counts = ", ".join(f"{states.count(done)} {done}" for done in Done if done in states)
    data = {"outcomes": [_outcome_document(item) for item in outcomes]}
    nothing_done = all(done is Done.KEPT for done in states)
    if nothing_done:
        return replace(
            sentence(f"Outcome of {phase}: nothing was changed; {counts or 'no steps'}."),
            data=data,
        )
    view = table(
        f"Outcome of {phase}",
        ("result", "action", "kind", "name", "s"),
        rows,
        f"{counts}.",
        prose=(),
    )
    return replace(view, data=data)


def _outcome_document(outcome: Outcome) -> dict[str, object]:
    return {
        "done": str(outcome.done),
        "action": str(outcome.step.action),
        "kind": outcome.step.target.kind,
        "name": outcome.step.target.name,
        "id": outcome.known.get("id", outcome.step.id),
        "seconds": round(outcome.seconds, 2),
        **_times(outcome),
    }


def _times(outcome: Outcome) -> dict[str, str]:
    """When it began and ended, in UTC; nothing if there was nothing to do."""
    if outcome.ended is None:
        return {}
    began = outcome.ended - timedelta(seconds=outcome.seconds)
    names = {"started": began, "ended": outcome.ended}
    return {name: time.isoformat(timespec="milliseconds") for name, time in names.items()}

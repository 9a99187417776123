"""Plans and their outcomes, as tables."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from kuryr_runbook.display.tables import Folded, View, html_table, table
from kuryr_runbook.model.approval import plan_document
from kuryr_runbook.model.plan import Action, Change, Done, Outcome, Plan, Step

VALUE_WIDTH = 48
"""Characters of a value that a plan shows; the data for machines has all of it."""


def plan_view(plan: Plan) -> View:
    """The steps that change something, in order, then what is kept, grouped by reason.

    The reason for an update is followed by the fields, before and after, and by what running pods
    will notice. In HTML each reason unfolds to all fields of its step.
    """
    changes = [
        (step.action, step.target.kind, step.target.name, _reason(step)) for step in plan.changes
    ]
    kept = (step for step in plan.steps if step.action is Action.KEEP)
    columns = ("action", "kind", "name", "because")
    view = table(f"Plan of {plan.phase}", columns, [*changes, *_kept(kept)], _counts(plan))
    return replace(view, data={"plan": plan_document(plan)})


def _reason(step: Step) -> str | Folded:
    text = "\n".join(_reasons(step))
    if not step.changes:
        return text
    fields = [(change.field, change.before, change.after) for change in step.changes]
    return Folded(
        text=text,
        summary="\n".join([step.because, *_warnings(step)]),
        details=html_table(str(step.target), ("field", "before", "after"), fields),
    )


def _reasons(step: Step) -> Iterator[str]:
    yield step.because
    if step.action in (Action.UPDATE, Action.REPLACE):
        for change in step.changes:
            yield from _change(change)
    yield from _warnings(step)


def _warnings(step: Step) -> Iterator[str]:
    for conflict in step.conflicts:
        yield f"! held by another manager: {conflict}"
    if step.disturbs:
        yield f"! {step.disturbs}"


def _change(change: Change) -> Iterator[str]:
    before, after = change.before.splitlines(), change.after.splitlines()
    if len(before) <= 1 and len(after) <= 1:
        yield f"{change.field}: {_cut(change.before)} -> {_cut(change.after)}"
        return
    yield f"{change.field}:"
    for line in difflib.ndiff(before, after):
        if line[0] in "+-":
            yield _cut(line)


def _cut(text: str) -> str:
    return text if len(text) <= VALUE_WIDTH else f"{text[: VALUE_WIDTH - 3]}..."


def _kept(steps: Iterable[Step]) -> Iterator[tuple[str, str, str, str]]:
    names: dict[tuple[str, str], list[str]] = {}
    for step in steps:
        names.setdefault((step.target.kind, step.because), []).append(step.target.name)
    for (kind, because), of_kind in names.items():
        yield str(Action.KEEP), kind, ", ".join(of_kind), because


def _counts(plan: Plan) -> str:
    counts = ", ".join(f"{count} {action}" for action, count in plan.counts().items())
    if not plan.steps:
        return "Nothing to do: no steps."
    return f"{counts}." if plan.changes else f"Nothing to change: {counts}."


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
    nothing_done = all(done is Done.KEPT for done in states)
    note = f"Nothing was changed: {counts or 'no steps'}." if nothing_done else f"{counts}."
    view = table(f"Outcome of {phase}", ("result", "action", "kind", "name", "s"), rows, note)
    return replace(view, data={"outcomes": [_outcome_document(item) for item in outcomes]})


def _outcome_document(outcome: Outcome) -> dict[str, object]:
    return {
        "done": str(outcome.done),
        "action": str(outcome.step.action),
        "kind": outcome.step.target.kind,
        "name": outcome.step.target.name,
        "seconds": round(outcome.seconds, 2),
    }

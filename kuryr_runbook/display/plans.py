"""Plans and what came of them, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kuryr_runbook.display.tables import View, table
from kuryr_runbook.model.plan import Action, Done, Outcome, Plan, Step


def plan_view(plan: Plan) -> View:
    """The steps that change something, in order, then what is kept, gathered by reason."""
    changes = [
        (step.action, step.target.kind, step.target.name, step.because) for step in plan.changes
    ]
    kept = (step for step in plan.steps if step.action is Action.KEEP)
    columns = ("action", "kind", "name", "because")
    return table(f"Plan of {plan.phase}", columns, [*changes, *_kept(kept)], _counts(plan))


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
    """What was done, with the seconds that it took; what was kept is only counted."""
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
    return table(f"Outcome of {phase}", ("result", "action", "kind", "name", "s"), rows, note)

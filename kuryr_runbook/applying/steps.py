"""Carry a plan out, step by step, and say what was done and what was not."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from kuryr_runbook.model.errors import ApplyError, RunbookError
from kuryr_runbook.model.plan import Action, Done, Outcome, Plan, Step, Target, resolve

Known = Mapping[str, Any]
Execute = Callable[[Step, Mapping[str, Any]], Known]
"""Does one step with its resolved body; gives back what later steps may refer to."""
Say = Callable[[str], None]


def apply_plan(plan: Plan, execute: Execute, say: Say) -> list[Outcome]:
    """Do the plan's steps in order; stops at the first that fails.

    Raises the step's error as an ApplyError that lists what was done before it, which stands, and
    what was not reached.
    """
    outcomes: list[Outcome] = []
    known: dict[Target, Known] = {}
    for position, step in enumerate(plan.steps):
        if step.action is Action.KEEP:
            known[step.target] = {"id": step.id, **step.known}
            outcomes.append(Outcome(step=step, done=Done.KEPT, known=known[step.target]))
            continue
        start = time.monotonic()
        say(f"{step.action} {step.target}: {step.because}")
        try:
            known[step.target] = execute(step, resolve(step.body, known))
        except RunbookError as error:
            raise _stopped(plan, position, outcomes, error) from error
        outcomes.append(
            Outcome(
                step=step,
                done=Done.DONE,
                known=known[step.target],
                seconds=time.monotonic() - start,
            )
        )
    return outcomes


def _stopped(plan: Plan, position: int, outcomes: list[Outcome], error: RunbookError) -> ApplyError:
    step = plan.steps[position]
    done = [str(item.step.target) for item in outcomes if item.done is Done.DONE]
    left = [
        str(item.target) for item in plan.steps[position + 1 :] if item.action is not Action.KEEP
    ]
    lines = [
        f"{plan.phase}: {step.action} {step.target} failed: {error.message}",
        f"done before it, and standing: {', '.join(done) or 'nothing'}",
        f"not reached: {', '.join(left) or 'nothing'}",
    ]
    return ApplyError(
        "\n  ".join(lines),
        remedy=error.remedy or "mend the cause and run the phase again: it goes on from here",
    )

"""A saved plan allows what stands in it, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuryr_runbook.model.approval import plan_document, refuse_unapproved
from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.plan import (
    Action,
    Change,
    Later,
    Plan,
    Step,
    Target,
    field_changes,
    known_later,
)

names = st.sampled_from(["a", "b"])
values = st.one_of(st.text(max_size=5), st.integers(), st.lists(st.booleans(), max_size=2))
steps = st.builds(
    Step,
    action=st.sampled_from(Action),
    target=st.builds(Target, st.sampled_from(["network", "Secret"]), names),
    because=st.just("because"),
    id=st.one_of(st.none(), names),
    changes=st.dictionaries(names, values).map(field_changes),
)
plans = st.builds(Plan, phase=st.just("p"), steps=st.lists(steps, max_size=4).map(tuple))


def approved(plan: Plan) -> dict[str, object]:
    """As a file holds it."""
    document: dict[str, object] = json.loads(json.dumps({"phases": [plan_document(plan)]}))
    return document


@given(plans)
def test_a_plan_allows_itself_and_any_part_of_it(plan: Plan) -> None:
    refuse_unapproved(approved(plan), plan)
    for position in range(len(plan.steps)):
        rest = plan.steps[:position] + plan.steps[position + 1 :]
        refuse_unapproved(approved(plan), replace(plan, steps=rest))


@given(plans, steps)
def test_a_change_that_is_not_in_it_is_refused(plan: Plan, extra: Step) -> None:
    def essence(step: Step) -> object:
        existing = None if step.action is Action.CREATE else step.id
        return step.action, step.target, existing, sorted(map(str, step.changes))

    more = replace(plan, steps=(*plan.steps, extra))
    part = any(
        essence(replace(step, changes=())) == essence(replace(extra, changes=()))
        and set(extra.changes) <= set(step.changes)
        for step in plan.steps
    )
    if extra.action is Action.KEEP or part:
        refuse_unapproved(approved(plan), more)
    else:
        with pytest.raises(DriftError, match="not in the plan that was approved"):
            refuse_unapproved(approved(plan), more)


def deployment(after: str) -> Plan:
    step = Step(
        action=Action.UPDATE,
        target=Target("Deployment", "ns/kuryr-controller"),
        because="differs",
        changes=(Change("spec.image", "repo@sha256:1", after),),
    )
    return Plan(phase="controller", steps=(step,))


def test_what_was_known_later_may_be_anything_and_the_rest_may_not() -> None:
    plan = approved(deployment(f"repo@{known_later('digest of the image')}"))
    refuse_unapproved(plan, deployment("repo@sha256:2"))
    with pytest.raises(DriftError):
        refuse_unapproved(plan, deployment("other@sha256:2"))


def test_a_later_id_is_matched_by_the_real_one() -> None:
    network = Target("network", "n (of services)")
    ahead = Step(
        action=Action.CREATE,
        target=Target("subnet", "s"),
        because="missing",
        changes=field_changes({"network_id": Later(network), "cidr": "10.0.0.0/24"}),
    )
    known = replace(ahead, changes=field_changes({"network_id": "17", "cidr": "10.0.0.0/24"}))
    refuse_unapproved(approved(Plan(phase="p", steps=(ahead,))), Plan(phase="p", steps=(known,)))


def test_plans_of_other_phases_allow_nothing() -> None:
    with pytest.raises(DriftError):
        refuse_unapproved(
            {"phases": [plan_document(replace(deployment("x"), phase="daemon"))]}, deployment("x")
        )

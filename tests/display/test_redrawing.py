"""What a notebook displayed, drawn again from its data: the same, but as wide as the terminal."""

from __future__ import annotations

import json

import pytest

from kuryr_runbook.display.findings import findings_view
from kuryr_runbook.display.plans import plan_view
from kuryr_runbook.display.redrawing import FINDINGS, redrawn
from kuryr_runbook.display.tables import View, table
from kuryr_runbook.display.terminal import Screen, drawn
from kuryr_runbook.model.findings import Finding, Region, Status, Victim
from kuryr_runbook.model.plan import Action, Plan, Step, Target

ID = "3f0d9d5a-7a8e-4b1f-9f3c-0a5f3f0b2c11"
STEP = Step(action=Action.CREATE, target=Target("subnet", "pods"), because="there is none yet")
FOUND = tuple(
    Finding(
        check="vip",
        title="the VIP answers from every pod of the workload",
        status=status,
        evidence=f"4 of 5 requests to the members of {ID}",
        subject="default/kuryr-demo",
        remedy="add the rule",
        victims=(Victim("pod", "web-1", "shop", "worker1"),),
        facts={"answered": 4},
        region=Region.GUARDS,
        effects=("pods",),
        cause="the rule is missing",
    )
    for status in Status
)


def displayed(view: View) -> dict[str, object]:
    """What arrives of it in a notebook."""
    forms: dict[str, object] = json.loads(json.dumps(view._repr_mimebundle_()))
    return forms


@pytest.mark.parametrize(
    "view",
    [
        plan_view(Plan(phase="p", steps=(STEP,))),
        *(findings_view("verification", FOUND, key) for key in FINDINGS),
    ],
)
def test_it_is_the_same_in_80_columns_and_wider_elsewhere(view: View) -> None:
    again = redrawn(displayed(view))
    assert isinstance(again, View)
    assert (again.text, again.html) == (view.text, view.html)
    wide = Screen(160, has_colour=True)
    assert drawn(again, wide) == drawn(view, wide)


def test_what_has_no_data_stays_the_text_that_it_was() -> None:
    view = table("Ids", ("name", "id"), [("a", "b")])
    assert redrawn(displayed(view)) == view.text

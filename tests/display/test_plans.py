"""Plans: changes first and with a sign, the rest counted, one total, what is left behind named."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuryr_runbook.display.plans import (
    SIGNS,
    document_view,
    left_out_view,
    outcomes_view,
    plan_view,
    site_view,
    totals,
)
from kuryr_runbook.display.terminal import Screen, drawn
from kuryr_runbook.model.approval import plan_document
from kuryr_runbook.model.plan import (
    Action,
    Change,
    Done,
    LeftBehind,
    Outcome,
    Plan,
    Step,
    Target,
)

UNPLANNED = {"preflight": "changes nothing"}


def step(action: Action, name: str, because: str = "of a test", **more: object) -> Step:
    return Step(action=action, target=Target("subnet", name), because=because, **more)  # type: ignore[arg-type]


PLAN = Plan(
    phase="openstack_prep",
    steps=(
        step(Action.KEEP, "nodes", "exists"),
        step(Action.CREATE, "pods", "there is none of that name"),
        step(Action.KEEP, "services", "exists"),
    ),
)
KEPT = Plan(phase="daemon", steps=(step(Action.KEEP, "nodes", "exists"),))
LEFT = Plan(
    phase="openstack_prep",
    steps=(),
    left=(
        LeftBehind(
            target=Target("security_group", "old-pods"),
            id="9e1f",
            because="the site names another one now",
            remedy="openstack security group delete 9e1f",
        ),
    ),
)


def test_changes_are_shown_and_the_rest_is_counted() -> None:
    text = plan_view(PLAN).text
    assert "+ create" in text
    assert "services" not in text
    assert text.endswith("1 to create, 0 to change, 0 to delete; 2 as wanted.")


def test_everything_is_listed_on_request_after_the_changes() -> None:
    text = plan_view(PLAN, everything=True).text
    assert text.index("+ create") < text.index("= keep")
    assert text.count("= keep") == 2


def test_html_has_what_stays_behind_its_number() -> None:
    html = plan_view(PLAN).html
    folded = re.search(
        "<details><summary[^>]*>2 as wanted</summary>(.*?)</details>", html, re.DOTALL
    )
    assert folded is not None
    assert "nodes" in folded[1]
    assert "nodes" not in html[: folded.start()]


@pytest.mark.parametrize("action", list(Action))
def test_every_action_is_a_sign_and_a_word_and_colour_only_repeats_them(action: Action) -> None:
    view = plan_view(Plan(phase="p", steps=(step(action, "s"),)), everything=True)
    sign, word = str(SIGNS[action]).split()
    assert sign in ("+", "~", "-", "-/+", "=")
    assert word in ("create", "update", "delete", "replace", "keep")
    assert f"{sign} {word}" in view.text
    assert f"{sign} {word}" in view.html
    assert "color" not in view.html
    assert ("\x1b[3" in drawn(view, Screen(80, has_colour=True))) == (action is not Action.KEEP)


def test_a_plan_without_changes_draws_no_table() -> None:
    assert plan_view(KEPT).text == "Plan of daemon: nothing to change; 1 as wanted."
    assert plan_view(Plan(phase="p", steps=())).text == "Plan of p: nothing to do."


def test_a_site_has_one_total_at_the_end_and_says_what_is_not_planned() -> None:
    text = site_view([KEPT, PLAN], UNPLANNED, everything=False).text
    assert text.count("to create") == 1
    assert text.count("because") == 1
    assert text.index("Plan of openstack_prep") < text.index("Nothing to change in daemon.")
    assert text.endswith(
        "1 to create, 0 to change, 0 to delete; 3 as wanted.\n\n"
        "Not planned: preflight, which changes nothing."
    )


def test_everything_of_a_site_includes_phases_without_changes() -> None:
    text = site_view([KEPT, PLAN], {}, everything=True).text
    assert "Plan of daemon" in text
    assert text.count("= keep") == 3
    assert "Not planned" not in text


def test_what_is_left_behind_is_named_with_the_way_to_remove_it() -> None:
    for view in (plan_view(LEFT), site_view([LEFT, KEPT], {}, everything=False)):
        for said in ("Left behind", "old-pods", "security group delete 9e1f"):
            assert said in view.text
            assert said in view.html
    assert "0 to delete" in site_view([LEFT], {}, everything=False).text


STEPS = st.lists(st.tuples(st.sampled_from(Action), st.sampled_from("abc")), max_size=6)


@given(st.lists(STEPS, max_size=3))
def test_the_total_counts_every_step_once(phases: list[list[tuple[Action, str]]]) -> None:
    plans = [
        Plan(phase=f"p{number}", steps=tuple(step(action, name) for action, name in steps))
        for number, steps in enumerate(phases)
    ]
    counts = Counter(action for steps in phases for action, _ in steps)
    said = totals(map(plan_document, plans))
    told = {words: int(number) for number, words in re.findall(r"(\d+) ([a-z ]+)", said)}
    assert told.pop("as wanted", 0) == counts[Action.KEEP]
    assert told.pop("to replace", 0) == counts[Action.REPLACE]
    assert told == {
        "to create": counts[Action.CREATE],
        "to change": counts[Action.UPDATE],
        "to delete": counts[Action.DELETE],
    }


def test_a_plan_that_a_notebook_displayed_looks_the_same() -> None:
    view = plan_view(PLAN)
    again = document_view(view.data["plan"])
    assert (again.text, again.html, again.data) == (view.text, view.html, view.data)


def test_html_of_a_plan_unfolds_to_all_fields_whole_and_the_text_stays_short() -> None:
    long_value = "<b>" + "x" * 200
    changed = step(
        Action.UPDATE,
        "pods",
        "1 field differs",
        id="1",
        changes=(Change("dns", "absent", long_value),),
        disturbs="pods look up names elsewhere",
    )
    view = plan_view(Plan(phase="p", steps=(changed,)))
    summary = re.search("<summary[^>]*>(.*?)</summary>(.*?)</details>", view.html, re.DOTALL)
    assert summary is not None
    assert summary[1] == "1 field differs\n! pods look up names elsewhere"
    assert "&lt;b&gt;" + "x" * 200 in summary[2]
    assert "<b>x" not in view.html
    assert "x" * 200 not in view.text


def test_an_outcome_has_its_times_and_the_id_of_what_was_made() -> None:
    step = Step(action=Action.CREATE, target=Target("subnet", "pods"), because="there is none")
    ended = datetime(2026, 11, 26, 10, 0, 5, tzinfo=UTC)
    made = Outcome(step=step, done=Done.DONE, known={"id": "0b1c"}, seconds=1.5, ended=ended)
    kept = Outcome(step=replace(step, action=Action.KEEP, id="0b1d"), done=Done.KEPT)
    first, second = outcomes_view("x", [made, kept]).data["outcomes"]
    assert first["id"] == "0b1c"
    assert first["started"] == "2026-11-26T10:00:03.500+00:00"
    assert first["ended"] == "2026-11-26T10:00:05.000+00:00"
    assert second["id"] == "0b1d"
    assert "started" not in second


def test_fields_have_the_whole_width_below_their_step() -> None:
    image = "registry.example.org/kuryr@sha256:1"
    changed = step(
        Action.UPDATE,
        "kube-system/kuryr-controller-of-a-site",
        changes=(Change("spec.template.spec.containers[0].image", "absent", image),),
        disturbs="its pods are replaced",
    )
    following = step(Action.DELETE, "pods")
    lines = plan_view(Plan(phase="p", steps=(changed, following))).text.splitlines()
    at = next(number for number, line in enumerate(lines) if "~ update" in line)
    assert lines[at + 1 : at + 4] == [
        "    spec.template.spec.containers[0].image: absent ->",
        f"    {image}",
        "    ! its pods are replaced",
    ]
    assert lines[at + 4].startswith("- delete  subnet")
    assert lines[at].index("kube-system") == lines[at + 4].index("pods")


def test_outcomes_list_what_was_done_and_count_the_rest() -> None:
    outcomes = [
        Outcome(step=PLAN.steps[0], done=Done.KEPT),
        Outcome(step=PLAN.steps[1], done=Done.DONE, seconds=1.26),
    ]
    text = outcomes_view("openstack_prep", outcomes).text
    assert "1.3" in text
    assert "nodes" not in text
    assert text.endswith("1 done, 1 kept.")
    second = outcomes_view("openstack_prep", outcomes[:1])
    assert second.text == "Outcome of openstack_prep: nothing was changed; 1 kept."
    assert len(second.data["outcomes"]) == 1


def test_what_a_dry_run_leaves_out_is_one_line() -> None:
    assert left_out_view("daemon", "nothing was changed").text == (
        "Dry run of daemon: nothing was changed."
    )

"""Metrics as Prometheus' own parser reads them: what they name, count and date."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from worlds.world import World

from kuryr_runbook.checking.diagnosis import check_diagnosis
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.display.metrics import diagnosis_metrics, plan_metrics
from kuryr_runbook.model.findings import Finding, Status, Victim
from kuryr_runbook.model.plan import Action, Plan, Step, Target

AT = datetime(2026, 11, 30, 9, tzinfo=UTC)
Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def series(text: str) -> Series:
    """Every series with its value; fails if one is there twice."""
    found: Series = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation.endswith(".")
        for sample in family.samples:
            name = (sample.name, tuple(sorted(sample.labels.items())))
            assert name not in found
            found[name] = sample.value
    return found


def values(text: str, name: str) -> list[tuple[dict[str, str], float]]:
    return [(dict(labels), it) for (found, labels), it in series(text).items() if found == name]


def test_a_finding_is_named_and_its_victims_are_counted() -> None:
    world = World(12)
    world.remove("port", "port-web-1")
    findings = check_diagnosis(Look(world.read()))
    [cause] = [it for it in findings if it.status is Status.FAIL]
    text = diagnosis_metrics("lab", findings, AT)
    [(labels, count)] = values(text, "kuryr_runbook_finding")
    assert count == 1
    assert labels == {
        "site": "lab",
        "check": cause.check,
        "status": "fail",
        "title": cause.title,
        "subject": cause.subject,
    }
    assert values(text, "kuryr_runbook_finding_victims") == [(labels, len(cause.victims))]
    counts = {it["status"]: count for it, count in values(text, "kuryr_runbook_findings")}
    assert counts.keys() == {*Status}
    assert (counts["fail"], sum(counts.values())) == (1, len(findings))
    assert values(text, "kuryr_runbook_diagnosis_timestamp_seconds") == [
        ({"site": "lab"}, AT.timestamp())
    ]


def test_a_healthy_site_has_no_finding_and_still_a_date() -> None:
    text = diagnosis_metrics("lab", check_diagnosis(Look(World(3).read())), AT)
    assert not values(text, "kuryr_runbook_finding")
    assert values(text, "kuryr_runbook_diagnosis_timestamp_seconds")


words = st.text(max_size=300)


@given(st.lists(st.tuples(words, words, st.sampled_from(Status)), max_size=6))
def test_whatever_a_finding_says_each_series_is_there_once(
    said: list[tuple[str, str, Status]],
) -> None:
    findings = [
        Finding(
            check="check",
            title=title,
            subject=subject,
            status=status,
            evidence="",
            victims=(Victim("pod", "a"),),
        )
        for title, subject, status in said
    ]
    text = diagnosis_metrics("lab", findings, AT)
    wrong = sum(it.status not in (Status.PASS, Status.SKIP) for it in findings)
    assert sum(count for _, count in values(text, "kuryr_runbook_finding")) == wrong
    assert sum(count for _, count in values(text, "kuryr_runbook_finding_victims")) == wrong


@pytest.mark.parametrize("action", [it for it in Action if it is not Action.KEEP])
def test_changes_are_counted_by_phase_and_action(action: Action) -> None:
    steps = [
        Step(action=it, target=Target("subnet", str(number)), because="it is so")
        for number, it in enumerate([action, action, Action.KEEP])
    ]
    plans = [Plan(phase="daemon", steps=tuple(steps)), Plan(phase="controller", steps=())]
    text = plan_metrics("lab", plans, AT)
    found = {
        (it["phase"], it["action"]): count
        for it, count in values(text, "kuryr_runbook_plan_changes")
    }
    assert found[("daemon", action)] == 2
    assert sum(found.values()) == 2
    assert {phase for phase, _ in found} == {"daemon", "controller"}
    assert ("daemon", "keep") not in found
    assert values(text, "kuryr_runbook_plan_timestamp_seconds") == [
        ({"site": "lab"}, AT.timestamp())
    ]

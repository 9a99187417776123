"""The cluster's range of Services, and the rights of the user."""

from __future__ import annotations

from ipaddress import IPv4Network

from spoiling.preflight import findings, having, spoiled, unspoilt
from worlds.apis import denied

from kuryr_runbook.model.findings import Status
from kuryr_runbook.specs.requirements import Right, needed_rights


def test_a_cluster_admin_is_asked_about_once() -> None:
    world = unspoilt()
    world.before()
    assert world.asked.count("rights") == 1


def test_a_user_with_just_the_needed_rights_passes() -> None:
    world = spoiled(having(denied=lambda attributes: attributes["verb"] == "*"))
    assert findings(world)["kubernetes-rights"].status is Status.PASS
    assert world.asked.count("rights") == 1 + len(list(needed_rights(world.site)))


def test_resilience_asks_for_rights_that_nothing_else_needs() -> None:
    cordon = Right(verb="patch", group="", resource="nodes", namespace=None)
    world = spoiled(having(denied=denied(cordon)))
    assert findings(world)["kubernetes-rights"].status is Status.PASS
    world.resilience = True
    found = findings(world)["kubernetes-rights"]
    assert (found.status, "patch nodes" in found.evidence) == (Status.FAIL, True)


def test_the_site_range_is_not_believed_when_the_server_names_none() -> None:
    world = spoiled(having(said="no"))
    finding = findings(world)["service-cidr"]
    assert finding.status is Status.UNKNOWN
    assert "where its range ends" in finding.evidence


def test_a_site_of_another_range_is_reported_with_the_right_one() -> None:
    world = unspoilt()
    world.change_site("kubernetes", service_cidr=IPv4Network("10.3.0.0/25"))
    finding = findings(world)["service-cidr"]
    assert finding.status is Status.FAIL
    assert "to 10.96.0.0/17" in finding.remedy

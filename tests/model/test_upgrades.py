"""Ways from release to release: single steps, in one direction, and refusals with a way out."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuryr_runbook.model import upgrades
from kuryr_runbook.model.releases import RELEASES, Release

WHO = "Deployment kube-system/kuryr-controller"
NAMES = list(RELEASES)
releases = st.sampled_from(list(RELEASES.values()))


def path(before: str, after: str) -> list[str] | None:
    found = upgrades.find_path(RELEASES[before], RELEASES[after])
    return None if found is None else [release.name for release in found]


@given(releases, releases)
def test_every_way_is_of_permitted_steps_in_one_direction(before: Release, after: Release) -> None:
    found = upgrades.find_path(before, after)
    if found is None:
        assert upgrades.is_later(before, after)
        return
    assert all(upgrades.is_step(*step) for step in pairwise((before, *found)))
    assert (before, *found)[-1] is after
    directions = {upgrades.is_later(b, a) for a, b in pairwise((before, *found))}
    assert len(directions) <= 1


@given(releases, releases)
def test_every_upgrade_has_a_way_and_what_shares_its_state_has_one_back(
    before: Release, after: Release
) -> None:
    found = upgrades.find_path(before, after)
    if not upgrades.is_later(before, after):
        assert found is not None
    else:
        assert (found is not None) is before.shares_state_with(after)


@given(releases, releases)
def test_a_move_is_refused_exactly_where_it_is_no_single_step(
    before: Release, after: Release
) -> None:
    objection = upgrades.move_objection(before.name, after, WHO)
    fits = before is after or upgrades.is_step(before, after)
    assert (objection is None) is fits
    if objection is not None:
        assert WHO in objection.evidence
        first = upgrades.find_path(before, after)
        named = first[0].name if first else before.name
        assert f"set kuryr.release to {named}" in objection.remedy


@given(releases, releases)
def test_whoever_follows_the_way_out_arrives(before: Release, after: Release) -> None:
    found = upgrades.find_path(before, after)
    here = before
    while found and here is not after:
        objection = upgrades.move_objection(here.name, after, WHO)
        here = after if objection is None else upgrades.find_path(here, after)[0]  # type: ignore[index]
    assert here is (after if found is not None else before)


def test_the_way_of_the_first_releases_leads_through_each() -> None:
    assert path("stein", "victoria") == ["train", "ussuri", "victoria"]
    assert path("ussuri", "wallaby") == ["victoria", "wallaby"]
    assert path("stein", "stein") == []


def test_the_release_that_moves_annotations_cannot_be_passed_over() -> None:
    for before in RELEASES.values():
        for after in RELEASES.values():
            found = upgrades.find_path(before, after) or ()
            crosses = not before.crds and after.crds
            assert any(release.moves_balancers for release in found) or not crosses


def test_between_releases_for_skipping_one_step_is_enough() -> None:
    assert path("2023.1", "2024.1") == ["2024.1"]
    assert path("zed", "2024.1") == ["2023.1", "2024.1"]
    assert path("2024.1", "2023.1") == ["2023.1"]


def test_nothing_leads_back_from_custom_resources_to_annotations() -> None:
    assert path("train", "stein") == ["stein"]
    assert path("2024.1", "victoria") is not None
    assert path("victoria", "ussuri") is None
    refused = upgrades.move_objection("victoria", RELEASES["ussuri"], WHO)
    assert refused is not None
    assert "nothing moves it back" in refused.evidence
    assert "kuryr-runbook teardown" in refused.remedy


def test_a_skipped_step_is_refused_with_the_steps_to_go() -> None:
    refused = upgrades.move_objection("stein", RELEASES["victoria"], WHO)
    assert refused is not None
    assert refused.remedy == (
        "set kuryr.release to train and run that; then continue with ussuri, victoria"
    )


@pytest.mark.parametrize(
    ("installed", "reported"), [("", "shows which release"), ("rocky", "rocky")]
)
def test_what_is_unknown_is_refused(installed: str, reported: str) -> None:
    refused = upgrades.move_objection(installed, RELEASES["stein"], WHO)
    assert refused is not None
    assert reported in refused.evidence
    assert "kuryr-runbook/release" in refused.remedy


def test_what_moves_is_reported_from_the_catalogue() -> None:
    reported = dict(
        (change.field, (change.before, change.after))
        for change in upgrades.moved(RELEASES["ussuri"], RELEASES["victoria"])
    )
    assert reported["release"] == ("ussuri", "victoria")
    assert reported["VIF of a pod"] == ("Pod annotation openstack.org/kuryr-vif",
                                    "KuryrPort .status.vifs")  # fmt: skip
    assert reported["CNI configuration"] == ("10-kuryr.conf", "10-kuryr.conflist")
    assert reported["custom resources"][0] == "none"
    assert "nodes' subnet in kuryr.conf" not in reported
    fields = [c.field for c in upgrades.moved(RELEASES["stein"], RELEASES["train"])]
    assert fields == ["release", "package"]


@given(releases)
def test_only_a_step_that_can_be_taken_back_says_nothing_of_it(release: Release) -> None:
    for after in RELEASES.values():
        if upgrades.is_later(after, release) and upgrades.is_step(release, after):
            final = "cannot be reverted" in upgrades.disturbance(release, after)
            assert final is not upgrades.is_step(after, release)

"""What is said about an installed Kuryr: one, none, several or half of one, and by whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds.installed import SHAPES
from worlds.world import World

from kuryr_runbook.planning.audit import (
    OPERATOR,
    ROLE,
    UPSTREAM,
    Condition,
    Fact,
    enforces_policies,
    facts,
    judge,
)
from kuryr_runbook.planning.site_draft import draft_site
from kuryr_runbook.snapshots.cluster.found_kuryr import FoundKuryr, FoundProgram
from kuryr_runbook.snapshots.survey import read_survey


def installed(world: World) -> tuple[FoundKuryr, dict[str, Fact]]:
    survey = read_survey(world, world)
    assert isinstance(survey.kuryr, FoundKuryr)
    keys = {it.key: it for it in draft_site(survey, "mine")}
    return survey.kuryr, {it.subject: it for it in facts(survey.kuryr, keys)}


@pytest.mark.parametrize(
    ("shape", "by", "release", "driver", "policies", "where"),
    [
        ("the original's role", ROLE, "stein or train or ussuri", "nested-macvlan", False,
         "Secret kube-system/kuryr-config"),
        ("upstream's manifests, train", UPSTREAM, "train", "nested-macvlan", False,
         "ConfigMap kube-system/kuryr-config"),
        ("upstream's manifests, yoga", UPSTREAM, "yoga or zed or 2023.1 or 2023.2 or 2024.1",
         "nested-macvlan", False, "ConfigMap kube-system/kuryr-config"),
        ("OpenShift's operator", OPERATOR, "yoga or zed or 2023.1 or 2023.2 or 2024.1",
         "nested-vlan", True, "Secret openshift-kuryr/kuryr-config-credentials"),
    ],
)  # fmt: skip
def test_each_shape_is_recognized(
    shape: str,
    by: str,
    release: str,
    driver: str,
    policies: bool,
    where: str,
) -> None:
    kuryr, found = installed(SHAPES[shape]())
    assert judge(kuryr, ()).condition is Condition.ONE
    assert found["installed by"].value == by
    assert found["release"].value == release
    assert found["VIF driver"].value == driver
    assert enforces_policies(kuryr) is policies
    assert found["login"].value == "user's password"
    assert where in found["login"].because
    assert ("whoever may read" in found["login"].because) == where.startswith("ConfigMap")
    assert found["pods' subnet"].value == "kuryr-pod-subnet"
    assert found["pods' security group"].value == "kuryr-pod-sg"
    assert found["CNI plugin on the nodes"].value == ""


def test_what_is_not_set_is_a_default_only_if_all_was_read() -> None:
    kuryr, found = installed(SHAPES["the original's role"]())
    assert found["ports in advance"].value == "noop"
    unread = replace(kuryr, unread={"Secret a/b": "forbidden"})
    again = {it.subject: it for it in facts(unread, {"kuryr.release": _release(kuryr)})}
    assert again["ports in advance"].value == ""
    assert again["Secret a/b"].because == "could not be read: forbidden"


def _release(kuryr: FoundKuryr) -> Any:
    from kuryr_runbook.planning.draft_keys import unknown

    return unknown("kuryr.release", "nothing says it")


def program(part: str, number: int) -> FoundProgram:
    return FoundProgram(
        part=part, kind="Deployment", namespace="a", name=f"{part}-{number}", images=(),
        selector="", container="", is_ours=False,
    )  # fmt: skip


@given(st.integers(0, 3), st.integers(0, 3), st.lists(st.sampled_from("abc"), max_size=2))
def test_there_is_one_with_one_of_each_part(
    controllers: int, daemons: int, remains: list[str]
) -> None:
    programs = [program("controller", it) for it in range(controllers)]
    programs += [program("daemon", it) for it in range(daemons)]
    kuryr = (
        FoundKuryr(programs=tuple(programs), site="", release="", has_login=False,
                   has_credential=False, options={})
        if programs
        else None
    )  # fmt: skip
    judged = judge(kuryr, remains)
    expected = (
        Condition.SEVERAL if max(controllers, daemons) > 1
        else Condition.ONE if controllers and daemons
        else Condition.PARTIAL if programs or remains
        else Condition.NONE
    )  # fmt: skip
    assert judged.condition is expected
    assert all(it.name in judged.evidence for it in programs)
    assert bool(judged.remedy) == (expected is not Condition.ONE)

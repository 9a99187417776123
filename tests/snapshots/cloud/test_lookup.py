"""One way to find what a site names, and one answer to two that have the name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds.cloud_answers import PROJECT, typed

from kuryr_runbook.snapshots.cloud.lookup import SeveralError, find
from kuryr_runbook.specs.wanted import Wanted

WANTED = Wanted(kind="subnet", name="pods", key="network.pod_subnet.name")


def subnet(subnet_id: str, **fields: Any) -> Any:
    return typed("subnet", **{"id": subnet_id, "name": "pods", **fields})


def test_an_id_stands_for_a_name() -> None:
    other = subnet("7", name="other")
    assert find([subnet("1"), other], Wanted(kind="subnet", name="7", key="k"), PROJECT) == other
    given_id = Wanted(kind="subnet", name="pods", given_id="7", key="k")
    assert find([subnet("1"), other], given_id, PROJECT) == other
    assert find([subnet("1")], given_id, PROJECT) is None


def test_the_projects_own_come_before_those_of_others() -> None:
    own, shared = subnet("1"), subnet("2", project_id="another")
    assert find([shared, own], WANTED, PROJECT) == own
    assert find([shared], WANTED, PROJECT) == shared
    assert find([], WANTED, PROJECT) is None


@pytest.mark.parametrize("marks", [("", ""), ("kuryr-runbook site=lab cluster=1", "")])
def test_of_two_with_the_name_nobody_guesses_one(marks: tuple[str, str]) -> None:
    both = [subnet(str(index), description=mark) for index, mark in enumerate(marks)]
    with pytest.raises(SeveralError) as caught:
        find(both, WANTED, PROJECT)
    assert "2 subnets are named pods (network.pod_subnet.name)" in caught.value.message
    assert "(0, 1)" in caught.value.message


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=5), st.randoms())
def test_the_order_of_a_list_decides_nothing(rows: list[tuple[str, bool]], random: Any) -> None:
    items = [
        subnet(str(index), name=name, project_id=PROJECT if own else "another")
        for index, (name, own) in enumerate(rows)
    ]
    shuffled = items[:]
    random.shuffle(shuffled)
    wanted = Wanted(kind="subnet", name="a", key="k")

    def reported(of: list[Any]) -> Any:
        try:
            return find(of, wanted, PROJECT)
        except SeveralError:
            return "several"

    assert reported(items) == reported(shuffled)

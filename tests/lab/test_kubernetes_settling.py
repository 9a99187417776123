"""When a cluster has settled: what is looked for, and for how long."""

from __future__ import annotations

from typing import Any

import pytest

from kuryr_runbook.lab.kubernetes import settling
from kuryr_runbook.lab.kubernetes.settling import ROOT_CA, unsettled, wait_settled
from kuryr_runbook.model.errors import DeadlineError


def namespace(name: str, **metadata: str) -> dict[str, Any]:
    return {"kind": "Namespace", "metadata": {"name": name, **metadata}}


def inside(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "namespace": "ns"}, **fields}


def account(name: str = "default") -> dict[str, Any]:
    return inside("ServiceAccount", name, secrets=[{"name": f"{name}-token"}])


SETTLED = [namespace("ns"), account(), inside("ConfigMap", ROOT_CA)]


def test_nothing_is_missing_of_a_cluster_that_has_settled() -> None:
    assert unsettled(SETTLED) == []


@pytest.mark.parametrize(
    ("objects", "missing"),
    [
        ([SETTLED[0], SETTLED[2]], "namespace ns has no service account `default`"),
        (SETTLED[:2], f"namespace ns has no {ROOT_CA}"),
        (
            [SETTLED[0], inside("ServiceAccount", "default"), SETTLED[2]],
            "service account ns/default has no token",
        ),
    ],
)
def test_what_is_missing_is_named(objects: list[dict[str, Any]], missing: str) -> None:
    assert unsettled(objects) == [missing]


def test_a_cluster_that_has_just_begun_has_not_settled() -> None:
    assert unsettled([]) == ["there is no namespace"]


def test_a_namespace_that_goes_needs_nothing() -> None:
    assert unsettled([*SETTLED, namespace("going", deletionTimestamp="now")]) == []


def test_accounts_that_came_since_the_last_look_are_reason_for_another() -> None:
    looks = [[], [], SETTLED[:1], SETTLED, [*SETTLED, account("one")], [*SETTLED, account("one")]]
    waited: list[float] = []
    wait_settled(lambda: list(looks.pop(0)), waited.append)
    assert not looks
    assert len(waited) == 5


def test_it_is_given_up_with_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "SETTLE_SECONDS", -1.0)
    with pytest.raises(DeadlineError, match="ns has no service account"):
        wait_settled(lambda: [SETTLED[0]], lambda seconds: None)

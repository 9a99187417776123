"""Whatever a cluster holds: plans come to what is wanted, and others' objects stay theirs."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from making.rendered import Combination, combinations, manifests
from worlds.memory_cluster import Manifest, MemoryCluster
from worlds.planned_objects import planned_objects
from worlds.writing import copied

from kuryr_runbook.applying.by_kind import apply_manifests
from kuryr_runbook.model.plan import Action, Plan
from kuryr_runbook.phases.teardown import DEFINITION, KINDS
from kuryr_runbook.specs.manifests import INSTANCE, MANAGED_BY, made_for

ALL = list(combinations())
FOREIGN: tuple[dict[str, str], ...] = (
    {},
    {MANAGED_BY: "Helm"},
    {MANAGED_BY: "Helm", INSTANCE: "kuryr"},
    {"app": "kuryr"},
)
"""Labels of objects that somebody else made."""
TAKEN_DOWN = {kind for _, kind in (*KINDS, DEFINITION)}


@cache
def rendered(combination: Combination) -> list[Manifest]:
    return manifests(combination.site)


def wanted_for(combination: Combination) -> list[Manifest]:
    return copied(rendered(combination))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Combination, MemoryCluster]:
    """A cluster with all, some or nothing of what is wanted: as made, edited, or others'."""
    combination = draw(st.sampled_from(ALL))
    cluster = MemoryCluster()
    for number, item in enumerate(wanted_for(combination)):
        state = draw(st.sampled_from(("absent", "ours", "edited", "others")))
        if state == "absent":
            continue
        item["metadata"] |= {"uid": str(number), "resourceVersion": str(number)}
        if state == "others":
            item["metadata"]["labels"] = dict(draw(st.sampled_from(FOREIGN)))
            item["metadata"]["annotations"] = {"of": "somebody else"}
        if state != "ours":
            _edit(draw, item)
        cluster.objects.append(item)
    stranger = draw(st.sampled_from(wanted_for(combination)))
    stranger["metadata"] = {**stranger["metadata"], "name": "a-neighbour", "labels": {}}
    cluster.objects.append(stranger)
    return combination, cluster


def _edit(draw: st.DrawFn, item: Manifest) -> None:
    """Somebody changed or removed a field of it."""
    key = draw(st.sampled_from(sorted(item.keys() - {"apiVersion", "kind", "metadata"} or ["x"])))
    value: Any = item.get(key)
    if isinstance(value, dict) and value and draw(st.booleans()):
        del value[draw(st.sampled_from(sorted(value)))]
    elif value is not None and draw(st.booleans()):
        del item[key]


def planned(combination: Combination, cluster: MemoryCluster) -> Plan:
    return planned_objects(wanted_for(combination), cluster)


def identity(item: Manifest) -> tuple[str, str, str | None]:
    metadata = item["metadata"]
    return item["kind"], metadata["name"], metadata.get("namespace")


def taken_down(
    combination: Combination, cluster: MemoryCluster
) -> set[tuple[str, str, str | None]]:
    """What teardown would delete: it goes by the marks."""
    return {
        identity(item)
        for item in cluster.objects
        if item["kind"] in TAKEN_DOWN and made_for(combination.site, item)
    }


@given(worlds())
def test_it_comes_to_what_is_wanted_and_stays(world: tuple[Combination, MemoryCluster]) -> None:
    combination, cluster = world
    before = copied(cluster.objects)
    plan = planned(combination, cluster)
    assert planned(combination, cluster) == plan
    assert cluster.objects == before
    assert {step.action for step in plan.steps} <= {Action.CREATE, Action.UPDATE, Action.KEEP}
    apply_manifests(plan, cluster, lambda line: None)
    assert planned(combination, cluster).changes == ()


@given(worlds())
def test_what_somebody_else_made_is_used_and_stays_theirs(
    world: tuple[Combination, MemoryCluster],
) -> None:
    combination, cluster = world
    site = combination.site
    theirs = {identity(i): i for i in copied(cluster.objects) if not made_for(site, i)}
    apply_manifests(planned(combination, cluster), cluster, lambda line: None)
    assert not theirs.keys() & taken_down(combination, cluster)
    now = {identity(item): item for item in cluster.objects}
    for name, item in theirs.items():
        kept = now[name]["metadata"]
        assert item["metadata"]["labels"].items() <= kept["labels"].items()
        assert (
            item["metadata"].get("annotations", {}).items() <= kept.get("annotations", {}).items()
        )
    made = {identity(item) for item in wanted_for(combination)} - theirs.keys()
    wanted = {name for name in made if name[0] in TAKEN_DOWN}
    assert taken_down(combination, cluster) == wanted

"""Nothing that was read of a cluster is left unjudged: what is changed there is found.

The same is done as to the cloud in test_mutations.py; what no check minds stands in HARMLESS.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import pytest
from checking.test_mutations import WORLDS, is_found, mutants, others
from worlds.world import World

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.snapshots.cluster.state import ClusterState

FIXED = "Kubernetes lets nobody change it"
NAMED = "a name or a word: nothing is found by it"
ONCE = "one that is ready may have restarted"
HARMLESS: dict[str, str] = {
    "controllers.name": NAMED,
    "controllers.node": "it may run on any node",
    "controllers.reason": "of one that is not ready",
    "controllers.restarts": ONCE,
    "daemons.name": NAMED,
    "daemons.reason": "of one that is not ready",
    "daemons.restarts": ONCE,
    "kuryr_objects.kind": FIXED,
    "kuryr_objects.made": "counts where namespaces have subnets, or policies hold",
    "nodes.gone": "Kubernetes removes the pods of a node that is gone",
    "nodes.pods": "how many pods it takes counts before Kuryr is installed; preflight looks",
    "nodes.reason": "of one that is not ready",
    "nodes.runtime": "counts before Kuryr is installed; preflight looks",
    "nodes.schedulable": "cordoned by intent; pods that run there go on",
    "pods.labels": "count where network policies hold",
    "pods.name": FIXED,
    "pods.namespace": FIXED,
    "pods.node": FIXED,
    "pods.uid": FIXED,
    "pods.node_address": "follows from its node, which is looked at",
    "pods.phase": "the kubelet's word; its address, interface and members are looked at",
    "pods.ready": "the workload's own probe; Kuryr goes by the endpoints, which are looked at",
    "services.selects": "from Victoria on Kuryr serves those without a selector as well",
    "services.self_link": "looked at where a list cannot leave it out: at default/kubernetes",
}
"""By list and field; each reason is that of Kubernetes' API reference or of Kuryr's source."""

LISTS = ("nodes", "pods", "services", "endpoints", "kuryr_objects")
DEMANDED = 0.7
"""The share of mutants that is found at least; what it is now is recorded."""


def changed(cluster: ClusterState) -> Iterator[tuple[str, ClusterState]]:
    """The cluster with one thing changed, and where that is."""
    for name in LISTS:
        for field, items in mutants(getattr(cluster, name)):
            changes: dict[str, Any] = {name: items}
            yield f"{name}.{field}", replace(cluster, **changes)
    programs: Any = cluster.programs
    for of_programs in fields(programs):
        name, value = of_programs.name, getattr(programs, of_programs.name)
        if isinstance(value, tuple):
            for part, items in mutants(value):
                yield (
                    f"{name}.{part}",
                    replace(cluster, programs=replace(programs, **{name: items})),
                )
        else:
            for other in others(name, value):
                yield (
                    f"programs.{name}",
                    replace(cluster, programs=replace(programs, **{name: other})),
                )


@pytest.mark.parametrize(("driver", "release"), WORLDS)
def test_whatever_is_changed_in_a_cluster_is_found(
    driver: VifDriver, release: str, record_property: Callable[[str, object], None]
) -> None:
    healthy = World(driver=driver, release=release).read()
    assert not is_found(healthy)
    found: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for place, cluster in changed(healthy.cluster):
        (found if is_found(replace(healthy, cluster=cluster)) else missed)[place] += 1
    blind = missed.keys() - found.keys() - HARMLESS.keys()
    asked = found.total() + sum(n for place, n in missed.items() if place not in HARMLESS)
    told = f"{driver}: {found.total()} of {asked} mutants are found ({found.total() / asked:.0%})"
    record_property("mutants", told)
    assert sorted(blind) == [], f"{told}; add a check that finds it, or a reason to HARMLESS"
    assert found.total() / asked > DEMANDED

"""Two faults at once: diagnosis names both causes, and blames nobody whom neither of them harms."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import combinations
from typing import Any

import pytest
from checking.test_diagnosis import CASES
from spoiling.diagnosis import WORLDS, troubles, troubles_of
from worlds.world import World

from kuryr_runbook.checking.diagnosis import CHECKS
from kuryr_runbook.model.findings import Finding, Status

Facts = frozenset[tuple[str, str]]
"""Where something stands, and what."""
DRAWN = 400
"""Pairs in the normal suite: the whole matrix has some thousands."""
PAIRS = [
    pair for pair in combinations(range(len(CASES)), 2) if CASES[pair[0]][0] == CASES[pair[1]][0]
]
EXPLAINS = {check.name: check.explains for check in CHECKS}

CANCELS: dict[tuple[str, str], str] = {
    ("pod-addresses", "pair-limit"): "a pod without a port leaves an address free",
    ("pod-addresses", "pod-unhandled"): "a pod without a port leaves an address free",
    ("pod-addresses", "pod-port-missing"): "a pod without a port leaves an address free",
    ("quota-octavia", "balancer-missing"): "a load balancer less is within the quota",
    ("quota-octavia", "api-balancer"): "a load balancer less is within the quota",
    ("api-timeouts", "api-balancer"): "a load balancer that is gone has no timeouts",
    ("service-subnet-rule", "group-too-open"): "the rule that is too wide admits them as well",
    ("pod-traffic-rule", "group-too-open"): "the rule that is too wide admits them as well",
    ("address-claimed", "pair-limit"): "a pod without an address has none that is claimed",
    ("address-claimed", "pod-unhandled"): "a pod without an address has none that is claimed",
    ("balancer-twice", "balancer-missing"): "of two load balancers one is left, elsewhere",
    ("pair-limit", "port-twice"): "the second port may be the one that the pod waits for",
    ("pod-unhandled", "port-twice"): "the second port may be the one that the pod waits for",
    ("pod-interface", "port-twice"): "which of the two ports is the pod's cannot be read",
    ("pod-interface", "pod-port-missing"): "which port is the pod's cannot be read",
    ("pod-interface", "pod-port-differs"): "which port is the pod's cannot be read",
    ("network-settings", "router-legs"): "there is no leg to compare the gateway with",
    ("other-plugin", "plugin-missing"): "a pod that has an address was plugged",
    ("controller-replicas", "controller-log"): "none is to run: nothing waits for what it said",
    ("pair-limit", "pair-stale"): "more pairs than the default: the limit is another one",
    ("pair-limit", "port-shared"): "the first of the two has no interface any more",
    ("pod-unhandled", "port-shared"): "the first of the two has no interface any more",
    ("pod-interface", "port-shared"): "the interface of the first of the two cannot be read",
    ("node-port", "pair-twice"): "the other port that allows the address is gone",
    ("pod-unhandled", "pod-interface"): "what cannot be read was promised nevertheless",
    ("balancer-settings", "intent-unmet"): "a listener for the ranges of its Service is meant so",
    ("node-group", "site-drift"): "a port without its group lacks each of the group's rules",
    ("balancer-port", "balancer-state"): "one in ERROR is made again, and its port with it",
}
"""Pairs of which one makes the other harmless, or hides it by the nature of the thing; and why."""
REVEALS: dict[tuple[str, str], str] = {
    ("external-address", "external-address"): "announced nowhere and at no VIP, it is left over",
}
"""Pairs that together harm what neither of them harms alone; and why."""


def spoilt(kind: str, *faults: int) -> World | None:
    """A world with these faults, one after the other; None: the first took what the next breaks."""
    world = WORLDS[kind]()
    try:
        for fault in faults:
            CASES[fault][1](world)
    except (StopIteration, KeyError, IndexError):
        return None
    return world


def facts(world: World) -> Facts:
    """All that a world holds, each with its place; of lists the elements, without their order."""
    found: set[tuple[str, str]] = set()

    def note(place: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                note(f"{place}/{key}", item)
        elif isinstance(value, list):
            found.update((f"{place}[]", json.dumps(item, sort_keys=True)) for item in value)
        else:
            found.add((place, repr(value)))

    for what, lists in (("object", world.objects), ("resource", world.resources)):
        for kind, items in lists.items():
            named = {_name(item): item for item in items}
            for name, item in named.items():
                note(f"{what}/{kind}/{name}", {"there": True, **item})
    for part in (world.pool_members, world.limits, world.balancer_limits, world.logs):
        note("part", part)
    note("rest", [world.pair_limit, world.kubernetes, world.site.model_dump(mode="json")])
    return frozenset(found)


def _name(item: dict[str, Any]) -> str:
    metadata = item.get("metadata", {})
    names = (metadata.get("namespace"), metadata.get("name"), item.get("id"))
    return "/".join(filter(None, names)) or json.dumps(item, sort_keys=True)


@cache
def healthy(kind: str) -> Facts:
    return facts(WORLDS[kind]())


@cache
def trace(fault: int) -> tuple[Facts, Facts]:
    """What a fault brings into its world, and what it takes away."""
    kind = CASES[fault][0]
    world = spoilt(kind, fault)
    assert world is not None
    return facts(world) - healthy(kind), healthy(kind) - facts(world)


def both(one: int, other: int) -> World | None:
    """A world with both faults and nothing else; None: the one undoes or contains the other."""
    kind, before = CASES[one][0], healthy(CASES[one][0])
    (came, gone), (came_too, gone_too) = trace(one), trace(other)
    contained = (not came and gone <= gone_too) or (not came_too and gone_too <= gone)
    for order in () if contained else ((one, other), (other, one)):
        world = spoilt(kind, *order)
        there = facts(world) if world else before
        if there - before == came | came_too and before - there == gone | gone_too:
            return world
    return None


def alone(fault: int) -> list[Finding]:
    """What is found of a fault by itself."""
    return troubles_of(*CASES[fault][:2])


def blamed(findings: Iterable[Finding]) -> set[str]:
    """Whom they call victims."""
    return {str(victim) for finding in findings for victim in finding.victims}


def unknown(findings: Iterable[Finding]) -> set[str]:
    """What nobody could look at."""
    return {finding.evidence for finding in findings if finding.status is Status.UNKNOWN}


def is_named(fault: int, found: list[Finding]) -> bool:
    """Whether a fault is found, or something that its check is named by as an effect."""
    _, _, check, _, victim = CASES[fault]
    telling = [it for it in found if check in {it.check, *it.effects, *EXPLAINS[it.check]}]
    return any(not victim or victim in blamed([it]) or not it.victims for it in telling)


def defects(one: int, other: int) -> Iterator[str]:
    """What is wrong with the diagnosis of two faults at once."""
    world = both(one, other)
    if world is None:
        return
    found = troubles(world)
    names = (CASES[one][2], CASES[other][2])
    told = f"{one} {names[0]} and {other} {names[1]}: {[(it.check, it.evidence) for it in found]}"
    if names not in CANCELS:
        for fault in (one, other):
            if not is_named(fault, found):
                yield f"{CASES[fault][2]} is not named of {told}"
    strangers = blamed(found) - blamed(alone(one)) - blamed(alone(other))
    if strangers and names not in REVEALS:
        yield f"{sorted(strangers)} are blamed of {told}"
    if unseen := unknown(found) - unknown(alone(one)) - unknown(alone(other)):
        yield f"{sorted(unseen)} of {told}"


def diagnose(pairs: Iterable[tuple[int, int]]) -> list[str]:
    return [defect for pair in pairs for defect in defects(*pair)]


def test_both_of_two_faults_are_named_and_nobody_else() -> None:
    assert diagnose(random.Random(16).sample(PAIRS, DRAWN)) == []  # noqa: S311


@pytest.mark.exhaustive
def test_both_of_any_two_faults_are_named_and_nobody_else() -> None:
    assert diagnose(PAIRS) == []


@pytest.mark.exhaustive
def test_most_faults_can_be_there_at_once() -> None:
    apart = [pair for pair in PAIRS if both(*pair) is None]
    assert len(apart) < 0.1 * len(PAIRS)


def test_what_cancels_another_is_a_pair_of_checks() -> None:
    assert {name for pair in CANCELS | REVEALS for name in pair} <= EXPLAINS.keys()

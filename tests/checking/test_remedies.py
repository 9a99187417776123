"""Every remedy is done as printed, in the world of its fault, and the next diagnosis is clean."""

from __future__ import annotations

import pytest
from checking.test_diagnosis import CASES
from spoiling.diagnosis import WORLDS, troubles, troubles_of
from worlds.shell import Shell, alternatives, commands, parsed

from kuryr_runbook.model.findings import Finding, Status

ROUNDS = 6
"""Remedies one after the other: one names the first of several victims, or what comes next."""

HUMAN: dict[tuple[str, str], str] = {
    ("resource-state", "agent or chassis"): "Neutron's states are those of agents and chassis",
    ("node-agent", "neutron.conf"): "what Neutron runs on a node is its operators'",
    ("node-agent", "start it again"): "the same of one that has ended",
    ("trunk", "trunk driver"): "the same of a trunk",
    ("trunk", "trunk create"): "an instance has to be started on its trunk; the pods go with it",
    ("pods-denied", ""): "whether a quota is raised, or pods ask for less, is a choice",
    ("kubernetes-version", ""): "another release is another site",
    ("self-link", ""): "another release, or the API servers' command lines on the masters",
    ("controller-ready", "describe pod"): "the reason is in the events or the log",
    ("controller-log", "CA that signed"): "which certificate is right the runbook cannot know",
    ("controller-log", "clouds.yaml"): "nobody else knows the password",
    ("controller-log", "--only controller"): "what kuryr.conf lacks is found by `configuration`",
    ("controller-restarts", ""): "the reason is in the log",
    ("daemon-there", "taints"): "whether a taint is meant is for its owner to say",
    ("daemon-ready", "describe pod"): "the reason is in the events or the log",
    ("daemon-log", "ip link"): "no API shows the interface's name",
    ("pod-plugged", "see the log"): "the reason is in the log",
    ("node-port", ""): "the site file, or the kubelets' command lines on the nodes",
    ("pair-limit", ""): "neutron.conf is the cloud's operators'",
    ("subnets-exist", ""): "Neutron deletes no subnet with ports, so its pods are gone by then",
    ("service-range", ""): "the site file, or the API servers' command lines on the masters",
    ("balancer-state", "only the cloud's operators"): "Octavia refuses every change",
    ("member-state", ""): "the reason is in the pod",
    ("site-drift", "correct the site file"): "which of the two is right the runbook cannot know",
}
"""Checks and words of remedies that no machine can carry out, and why."""


def is_human(found: Finding) -> bool:
    """Whether it takes a person to do what is said."""
    unseen = found.status is Status.UNKNOWN
    return unseen or any(it[0] == found.check and it[1] in found.remedy for it in HUMAN)


def names(found: list[Finding]) -> set[str]:
    """The checks that a diagnosis names, also as effects."""
    return {name for it in found for name in (it.check, *it.effects)}


def told(case: int) -> list[Finding]:
    """What is found at first."""
    return troubles_of(*CASES[case][:2])


@pytest.mark.parametrize("kind", WORLDS)
def test_nothing_has_to_be_done_where_nothing_is_spoilt(kind: str) -> None:
    world = WORLDS[kind]()
    Shell(world)
    assert troubles(world) == []


@pytest.mark.parametrize("case", range(len(CASES)), ids=[it[2] for it in CASES])
def test_what_is_printed_helps(case: int) -> None:
    """Each of the ways out that the first remedy leaves, in a world of its own."""
    first = told(case)[0]
    for choice in range(1 if is_human(first) else len(alternatives(first.remedy))):
        follow(case, choice)


def follow(case: int, choice: int) -> None:
    """Do what is said until nothing is left but what takes a person."""
    kind, spoil, *_ = CASES[case]
    world = WORLDS[kind]()
    shell = Shell(world)
    spoil(world)
    found = told(case)
    cause, known = found[0].check, names(found)
    for turn in range(ROUNDS):
        doable = [it for it in found if not is_human(it)]
        if not doable:
            break
        ways = alternatives(doable[0].remedy)
        assert ways, f"{doable[0].remedy}: a command, or a reason in HUMAN"
        for finding in found:
            for command in commands(finding.remedy):
                parsed(command)
        shell.run(ways[0 if turn else choice])
        found = troubles(world)
        assert names(found) <= known, [(it.check, it.evidence, it.remedy) for it in found]
    assert all(map(is_human, found)), [(it.check, it.evidence, it.remedy) for it in found]
    assert cause not in names(found) or is_human(found[0])


def test_every_reason_is_needed() -> None:
    met = set()
    for case in range(len(CASES)):
        for finding in told(case):
            met |= {it for it in HUMAN if it[0] == finding.check and it[1] in finding.remedy}
            for command in commands(finding.remedy):
                parsed(command)
    assert met == HUMAN.keys()

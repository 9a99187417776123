"""Checks of the paths between pods: each to each, with what the other end saw."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from kuryr_runbook.checking.checks import Check, Occasion
from kuryr_runbook.checking.traffic.answers import (
    NOT_ASKED,
    Asked,
    judged,
    not_asked,
    probes_of,
)
from kuryr_runbook.checking.verdicts import CouldNotLook, readable, warned
from kuryr_runbook.checking.view.workload import WorkloadLook
from kuryr_runbook.model.findings import Status, Verdict
from kuryr_runbook.model.wording import counted
from kuryr_runbook.snapshots.cluster.objects import Pod
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.snapshots.workload.probes import Answer, PodProbe
from kuryr_runbook.specs.workload import POD_PORT, SELECTOR

SEE_PAIRS = "see the check of the address pairs; then the security groups of the workers' ports"


@dataclass(frozen=True, slots=True)
class Pair:
    """A pod that sends a request to another one."""

    one: Pod
    other: Pod
    answer: Answer

    @property
    def is_local(self) -> bool:
        """Whether both are on one node."""
        return self.one.node == self.other.node

    def __str__(self) -> str:
        return f"{self.one.name} to {self.other.name}"


@Check(
    "pod-to-pod",
    "Every pod reaches every other pod",
    "requests of the pods: ping",
    on=(Occasion.VERIFICATION,),
)
def check_pod_to_pod(look: WorkloadLook) -> Verdict:
    """Each pod pings every other one."""
    pairs = list(_pairs(look, _pings))
    local = sum(pair.is_local for pair in pairs)
    split = f"{local} on one node, {len(pairs) - local} between nodes"
    verdict = _judged(
        look, pairs, f"{len(pairs)} of {counted(len(pairs), 'ping')} answered: {split}", SEE_PAIRS
    )
    if verdict.status is Status.PASS and local == len(pairs) and _workers(look) > 1:
        space = look.site.verification.namespace
        return warned(
            f"{verdict.evidence}: all pods are on {pairs[0].one.node}, so nothing was sent between "
            "nodes",
            f"delete some, so that they spread: kubectl -n {space} delete pod -l {SELECTOR}",
        )
    return verdict


@Check(
    "pod-to-pod-tcp",
    "Every pod's server answers every other pod",
    "requests of the pods: HTTP",
    on=(Occasion.VERIFICATION,),
)
def check_tcp(look: WorkloadLook) -> Verdict:
    """HTTP directly to the other pod, which returns its name."""
    pairs = [
        replace(pair, answer=_by_name(pair.other.name, pair.answer))
        for pair in _pairs(look, lambda probe: probe.tcp)
    ]
    return _judged(
        look,
        pairs,
        f"{len(pairs)} of {counted(len(pairs), 'request')} answered",
        "if pings are not answered either, see that check; otherwise a security group or a filter "
        f"on the worker admits ICMP, but not TCP {POD_PORT}. If another pod answered, two have the "
        "same address: check their ports in Neutron",
    )


@Check(
    "pod-source-address",
    "Pods see each other's own addresses",
    "requests of the pods: the client that the other pod's server saw",
    on=(Occasion.VERIFICATION,),
)
def check_source(look: WorkloadLook) -> Verdict:
    """Address translation between pods breaks policies, and hides the client."""
    pairs = [
        replace(pair, answer=_seen_as(pair.one.address, pair.answer))
        for pair in _pairs(look, lambda probe: probe.tcp)
        if pair.answer.ok
    ]
    if not pairs:
        raise CouldNotLook("no pod's server answered another pod")
    return _judged(
        look,
        pairs,
        f"in {len(pairs)} of {counted(len(pairs), 'answer')}",
        "something translates addresses: on the client pod's worker, kube-proxy or what another "
        "CNI left (iptables -t nat -S; nft list ruleset)",
    )


@Check(
    "largest-packet",
    "The pod network's largest packet passes between all pods",
    "requests of the pods: a ping of the network's MTU that must not be fragmented",
    on=(Occasion.VERIFICATION,),
)
def check_largest(look: WorkloadLook) -> Verdict:
    """A ping of the network's MTU that must not be fragmented, if small ones are answered."""
    size = readable(look.seen.packet)
    lost = {str(it) for it in _pairs(look, _pings) if it.answer.ok is False}
    pairs = [it for it in _pairs(look, lambda probe: probe.large) if str(it) not in lost]
    if not pairs:
        raise CouldNotLook("not even small pings are answered")
    return _judged(
        look,
        pairs,
        f"{len(pairs)} of {counted(len(pairs), 'ping')} of {size} bytes answered",
        f"a link on the path has less than the network's MTU of {size}: compare the MTU of the "
        "workers' interface (ip link) and of the nodes' network with it, and the underlay's with "
        "what its tunnels add; then openstack network set --mtu",
    )


def _pings(probe: PodProbe) -> Mapping[str, Answer]:
    return probe.pings


def _pairs(look: WorkloadLook, part: Callable[[PodProbe], Mapping[str, Answer]]) -> Iterator[Pair]:
    """Every pod with every other one, and the result of that part of the probe."""
    pods = look.asked_pods
    for one, probe in probes_of(look):
        answers = {} if isinstance(probe, Unreadable) else part(probe)
        missing = not_asked(probe) if isinstance(probe, Unreadable) else NOT_ASKED
        for other in pods:
            if other is not one:
                yield Pair(one, other, answers.get(other.address, missing))


def _judged(look: WorkloadLook, pairs: Iterable[Pair], passing: str, remedy: str) -> Verdict:
    """The verdict on all pairs; a failure says what the failing ones have in common."""
    found = list(pairs)
    asked = (Asked(str(it), it.answer, (it.one.name, it.other.name)) for it in found)
    verdict = judged(look, asked, passing, remedy)
    if verdict.status is not Status.FAIL:
        return verdict
    bad = [pair for pair in found if pair.answer.ok is False]
    common = _common_pod(bad)
    if common:
        return replace(
            verdict,
            evidence=f"all that fail are to or from {common}: {verdict.evidence}",
            victims=(look.pod_victim(common),),
        )
    where = _common_place(found, bad)
    return replace(verdict, evidence=f"{where}{verdict.evidence}")


def _common_pod(bad: list[Pair]) -> str:
    """The one pod that is an end of all failing pairs; empty if there is none."""
    ends = [{pair.one.name, pair.other.name} for pair in bad]
    common = sorted(set.intersection(*ends)) if len(ends) > 1 else []
    return common[0] if len(common) == 1 else ""


def _common_place(found: list[Pair], bad: list[Pair]) -> str:
    kinds = {pair.is_local for pair in bad}
    if len(kinds) == 1 and {pair.is_local for pair in found} != kinds:
        where = "on one node" if kinds == {True} else "between nodes"
        return f"all that fail are {where}: "
    return ""


def _workers(look: WorkloadLook) -> int:
    """How many nodes take pods; 0 if they were not read."""
    nodes = look.cluster.nodes
    known = () if isinstance(nodes, Unreadable) else nodes
    return sum(node.ready and node.schedulable for node in known)


def _by_name(name: str, answer: Answer) -> Answer:
    if answer.ok and answer.said != name:
        return replace(answer, ok=False, said=f"answered by {answer.said!r}")
    return answer


def _seen_as(address: str, answer: Answer) -> Answer:
    if not answer.seen:
        return replace(answer, ok=None, said="the server does not say which client it saw")
    if answer.seen != address:
        return replace(answer, ok=False, said=f"seen as {answer.seen}, not {address}")
    return answer

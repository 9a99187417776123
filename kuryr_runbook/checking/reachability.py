"""Checks of the data plane: who answered whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from kuryr_runbook.checking.lookups import pods_of
from kuryr_runbook.checking.verdicts import (
    CouldNotLook,
    Verdict,
    check,
    failed,
    passed,
    readable,
    some,
)
from kuryr_runbook.model.addressing import api_service_address
from kuryr_runbook.model.findings import Status
from kuryr_runbook.snapshots.probes import Answer, PodProbe
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.snapshots.verification import VerificationSnapshot
from kuryr_runbook.specs.workload import SERVICE

NOT_ASKED = Answer(ok=None, said="was not asked")
SEE_RULE = (
    "members are reached from the service subnet: see the check of the service subnet's rule; "
    "then the state of the members in Octavia"
)


@check("pod-to-pod", "Every pod reaches every other pod")
def check_pod_to_pod(snapshot: VerificationSnapshot) -> Verdict:
    """Ping, each to each."""
    results = dict(_pings_between(snapshot))
    bad = [set(pair) for pair, answer in results.items() if answer.ok is False]
    common = sorted(set.intersection(*bad)) if len(bad) > 1 else []
    remedy = "see the check of the address pairs; then the security groups of the workers' ports"
    verdict = _judged(
        ((f"{one} to {other}", answer) for (one, other), answer in results.items()),
        f"{len(results)} of {len(results)} pings answered",
        remedy,
    )
    if verdict.status is Status.FAIL and len(common) == 1:
        evidence = f"all that fail are to or from {common[0]}: {verdict.evidence}"
        return failed(evidence, remedy, common[0])
    return verdict


def _pings_between(snapshot: VerificationSnapshot) -> Iterator[tuple[tuple[str, str], Answer]]:
    pods = pods_of(snapshot)
    for one in pods:
        probe = _probe(snapshot, one.name)
        for other in pods:
            if other is not one:
                pings = probe.pings if isinstance(probe, PodProbe) else {}
                missing = NOT_ASKED if isinstance(probe, PodProbe) else _unknown(probe)
                yield (one.name, other.name), pings.get(other.address, missing)


@check("external-from-pods", "Every pod reaches an address outside")
def check_external(snapshot: VerificationSnapshot) -> Verdict:
    """Ping through the router and its SNAT."""
    address = str(snapshot.site.verification.external_address)
    results = [
        (pod, probe.pings.get(address, NOT_ASKED) if isinstance(probe, PodProbe) else probe)
        for pod, probe in _probes(snapshot)
    ]
    return _judged(
        results,
        f"{address} answers {len(results)} of {len(results)} pods",
        "check the router's gateway and SNAT, its leg in the pod subnet, and whether "
        f"verification.external_address {address} answers ping at all",
    )


@check("vip-from-pods", "Every pod reaches the Service at its ClusterIP")
def check_vip(snapshot: VerificationSnapshot) -> Verdict:
    """HTTP, several times from each pod; every answer has to be one of the pods' names."""
    results = list(_vip_answers(snapshot))
    if not results:
        raise CouldNotLook("the Service has no ClusterIP to ask")
    return _judged(
        results,
        f"{len(results)} of {len(results)} requests answered at "
        f"{readable(snapshot.workload).cluster_ip}",
        SEE_RULE,
    )


def _vip_answers(snapshot: VerificationSnapshot) -> Iterator[tuple[str, Answer | Unreadable]]:
    names = {pod.name for pod in pods_of(snapshot)}
    for pod, probe in _probes(snapshot):
        if isinstance(probe, Unreadable):
            yield pod, probe
        else:
            yield from ((pod, _by_one_of(names, answer)) for answer in probe.vip)


@check("vip-backends", "The ClusterIP leads to every one of the pods")
def check_backends(snapshot: VerificationSnapshot) -> Verdict:
    """Over all requests of all pods; one silent backend would otherwise hide among the others."""
    names = {pod.name for pod in pods_of(snapshot)}
    answers = [answer for _, answer in _vip_answers(snapshot)]
    unread = [answer for answer in answers if isinstance(answer, Unreadable)]
    reached = {answer.said for answer in answers if isinstance(answer, Answer) and answer.ok}
    if reached >= names:
        return passed(f"{len(names)} of {len(names)} pods answered")
    if unread or not answers:
        raise CouldNotLook("not every pod could be asked, and not every pod has answered")
    silent = sorted(names - reached)
    return failed(
        f"{len(silent)} of {len(names)} pods never answered: {some(silent)}",
        SEE_RULE,
        silent[0] if len(silent) == 1 else "",
    )


@check("api-from-pods", "Every pod reaches the API server at its service address")
def check_api(snapshot: VerificationSnapshot) -> Verdict:
    """Lists the Services of its namespace with the pod's own account, as `kubectl get svc` does."""
    address = api_service_address(snapshot.site.kubernetes.service_cidr)
    results = [
        (pod, _lists_service(probe.api) if isinstance(probe, PodProbe) else probe)
        for pod, probe in _probes(snapshot)
    ]
    return _judged(
        results,
        f"{len(results)} of {len(results)} pods list their Service at https://{address}",
        f"check the load balancer {snapshot.site.network.api_load_balancer} of the API and its "
        "members, and that the masters' group admits it; phase 02 shows both",
    )


@check("floating-ip-from-outside", "The Service answers at its floating IP")
def check_outside(snapshot: VerificationSnapshot) -> Verdict:
    """HTTP from where the notebook runs."""
    address = readable(snapshot.workload).ingress
    names = {pod.name for pod in pods_of(snapshot)}
    answers = readable(snapshot.outside)
    return _judged(
        [("from here", _by_one_of(names, answer)) for answer in answers],
        f"{len(answers)} of {len(answers)} requests answered at {address}",
        f"{SEE_RULE}; and the way from here to {address}",
    )


def _judged(
    results: Iterable[tuple[str, Answer | Unreadable]], passing: str, remedy: str
) -> Verdict:
    """Fail when one says no; unknown when one could not be asked, or nobody was."""
    asked = [(who, _unknown(it) if isinstance(it, Unreadable) else it) for who, it in results]
    bad = [f"{who}: {answer.said}" for who, answer in asked if answer.ok is False]
    if bad:
        return failed(f"{len(bad)} of {len(asked)} fail: {some(_counted(bad))}", remedy)
    unknown = [f"{who}: {answer.said}" for who, answer in asked if answer.ok is None]
    if unknown or not asked:
        raise CouldNotLook(some(unknown) or "there was nobody to ask")
    return passed(passing)


def _counted(texts: list[str]) -> list[str]:
    """Each text once, with how often it was said."""
    return [
        text if count == 1 else f"{text} ({count} times)" for text, count in Counter(texts).items()
    ]


def _probes(snapshot: VerificationSnapshot) -> list[tuple[str, PodProbe | Unreadable]]:
    return [(pod.name, _probe(snapshot, pod.name)) for pod in pods_of(snapshot)]


def _probe(snapshot: VerificationSnapshot, pod: str) -> PodProbe | Unreadable:
    return snapshot.probes.get(pod, Unreadable("it does not run"))


def _by_one_of(names: set[str], answer: Answer) -> Answer:
    """The answer; a no when somebody else than the pods gave it."""
    if answer.ok and answer.said not in names:
        return replace(answer, ok=False, said=f"answered by {answer.said!r}, which is no pod")
    return answer


def _lists_service(answer: Answer) -> Answer:
    if answer.ok and SERVICE not in answer.said.split():
        return replace(answer, ok=False, said=f"{SERVICE} is not among: {answer.said or 'none'}")
    return answer


def _unknown(unreadable: Unreadable) -> Answer:
    return Answer(ok=None, said=unreadable.reason)

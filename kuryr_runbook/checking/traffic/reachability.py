"""Checks of the data plane beyond the pods: Service, API, DNS, and the outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Network, ip_address

from kuryr_runbook.checking.checks import Check, Occasion
from kuryr_runbook.checking.traffic.answers import (
    NOT_ASKED,
    Asked,
    by_one_of,
    judged,
    not_asked,
    probes_of,
)
from kuryr_runbook.checking.verdicts import (
    CouldNotLook,
    failed,
    passed,
    readable,
    skipped,
    some,
)
from kuryr_runbook.checking.view.workload import WorkloadLook
from kuryr_runbook.model.addressing import api_service_address
from kuryr_runbook.model.findings import Status, Verdict
from kuryr_runbook.model.wording import agreeing, counted
from kuryr_runbook.snapshots.cluster.objects import Pod
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.snapshots.workload.probes import Answer
from kuryr_runbook.snapshots.workload.verification import (
    DNS_LABELS,
    DNS_NAMESPACE,
)
from kuryr_runbook.specs.workload import SERVICE

SEE_RULE = (
    "members get requests from the service subnet: see the check of the service subnet's rule; "
    "then the state of the members in Octavia"
)


@Check(
    "external-from-pods",
    "Every pod reaches an address outside",
    "requests of the pods: ping",
    on=(Occasion.VERIFICATION,),
)
def check_external(look: WorkloadLook) -> Verdict:
    """Ping through the router and its SNAT."""
    address = str(look.site.verification.external_address)
    asked = [
        _asked(pod, probe if isinstance(probe, Unreadable) else probe.pings.get(address))
        for pod, probe in probes_of(look)
    ]
    return judged(
        look,
        asked,
        f"{address} answers {len(asked)} of {counted(len(asked), 'pod')}",
        "check the router's gateway and SNAT, its interface in the pod subnet, and whether "
        f"verification.external_address {address} answers ping at all",
    )


@Check(
    "dns-from-pods",
    "Every pod reaches the cluster's DNS",
    "requests of the pods: DNS over UDP",
    on=(Occasion.VERIFICATION,),
)
def check_dns(look: WorkloadLook) -> Verdict:
    """By UDP, through the load balancer of its Service."""
    address = readable(look.seen.dns)
    if not address:
        return skipped(f"no Service with {DNS_LABELS} in {DNS_NAMESPACE}")
    asked = [
        _asked(pod, probe if isinstance(probe, Unreadable) else probe.dns)
        for pod, probe in probes_of(look)
    ]
    return judged(
        look,
        asked,
        f"{address} answers {len(asked)} of {counted(len(asked), 'pod')}",
        f"kuryr-runbook diagnose --namespace {DNS_NAMESPACE}: DNS is a Service with a load "
        "balancer of its own, and its listener is UDP, which old versions of Octavia refuse",
    )


@Check(
    "vip-from-pods",
    "Every pod reaches the Service at its ClusterIP",
    "requests of the pods: HTTP",
    on=(Occasion.VERIFICATION,),
)
def check_vip(look: WorkloadLook) -> Verdict:
    """HTTP, several times from each pod; every answer has to be one of the pods' names."""
    asked = [_asked(pod, answer) for pod, answer in _vip_answers(look)]
    if not asked:
        raise CouldNotLook("the Service has no ClusterIP to send requests to")
    verdict = judged(
        look,
        asked,
        f"{len(asked)} of {counted(len(asked), 'request')} answered at {look.workload.cluster_ip}",
        SEE_RULE,
    )
    return _about_service(look, verdict)


def _vip_answers(look: WorkloadLook) -> Iterator[tuple[Pod, Answer | Unreadable]]:
    names = {pod.name for pod in look.asked_pods}
    for pod, probe in probes_of(look):
        if isinstance(probe, Unreadable):
            yield pod, probe
        else:
            yield from ((pod, by_one_of(names, answer)) for answer in probe.vip)


@Check(
    "vip-backends",
    "The ClusterIP reaches every pod",
    "requests of the pods: which pod answered",
    on=(Occasion.VERIFICATION,),
)
def check_backends(look: WorkloadLook) -> Verdict:
    """Over all requests of all pods; otherwise others would hide one silent backend."""
    names = {pod.name for pod in look.asked_pods}
    answers = [answer for _, answer in _vip_answers(look)]
    unread = [answer for answer in answers if isinstance(answer, Unreadable)]
    reached = {answer.said for answer in answers if isinstance(answer, Answer) and answer.ok}
    if reached >= names:
        return passed(f"{len(names)} of {counted(len(names), 'pod')} answered")
    if unread or not answers:
        raise CouldNotLook("not every pod could send requests, and not every pod has answered")
    silent = sorted(names - reached)
    verdict = failed(
        f"{len(silent)} of {counted(len(names), 'pod')} never answered: {some(silent)}",
        SEE_RULE,
        *(look.pod_victim(name) for name in silent),
    )
    return _about_service(look, verdict)


@Check(
    "vip-source-address",
    "Requests to the Service reach the pods from its load balancer",
    "requests of the pods: the client that the server saw",
    on=(Occasion.VERIFICATION,),
)
def check_vip_source(look: WorkloadLook) -> Verdict:
    """Anything else that answers at the ClusterIP would only do so on the node where it runs."""
    provider = look.workload_balancer.provider
    if provider not in ("amphora", "octavia", "ovn"):
        return skipped(f"it is not known from which address provider {provider} sends")
    asked = [
        _asked(pod, _rightly_seen(look, pod, answer, keeps=provider == "ovn"))
        for pod, answer in _vip_answers(look)
        if isinstance(answer, Answer) and answer.ok
    ]
    if not asked:
        raise CouldNotLook("no request to the Service was answered")
    verdict = judged(
        look,
        asked,
        f"in {len(asked)} of {counted(len(asked), 'answer')}",
        "a pod's or node's address means that kube-proxy, or a replacement, answers at the "
        "ClusterIP on that worker: remove it and its rules, since Kuryr works without; phase 00 "
        "checks for it",
    )
    return _about_service(look, verdict)


def _rightly_seen(look: WorkloadLook, pod: Pod, answer: Answer, *, keeps: bool) -> Answer:
    """The answer; a failure if the request did not come from a load balancer's address.

    One that keeps the clients' addresses uses its own if client and member are the same pod.
    """
    subnet = look.site.network.service_subnet.cidr
    if not answer.seen:
        return replace(answer, ok=None, said="the server does not say which client it saw")
    if keeps and answer.seen in (pod.address, look.workload.cluster_ip):
        return answer
    if not keeps and _lies_in(answer.seen, subnet):
        return answer
    wanted = f"the pod's own {pod.address}" if keeps else f"in {subnet}"
    return replace(answer, ok=False, said=f"seen as {answer.seen}, which is not {wanted}")


@Check(
    "api-from-pods",
    "Every pod reaches the API server at its service address",
    "requests of the pods: a list of Services",
    on=(Occasion.VERIFICATION,),
)
def check_api(look: WorkloadLook) -> Verdict:
    """Lists the Services of its namespace with the pod's own account, like `kubectl get svc`."""
    address = api_service_address(look.site.kubernetes.service_cidr)
    asked = [
        _asked(pod, probe if isinstance(probe, Unreadable) else _lists_service(probe.api))
        for pod, probe in probes_of(look)
    ]
    return judged(
        look,
        asked,
        f"{len(asked)} of {counted(len(asked), 'pod')} {agreeing(len(asked), 'lists', 'list')} "
        f"their Service at https://{address}",
        f"check the load balancer {look.site.network.api_load_balancer} of the API and its "
        "members, and that the masters' group admits it; phase 02 shows both",
    )


@Check(
    "floating-ip-from-outside",
    "The Service answers at its floating IP",
    "requests from the machine that runs the runbook: HTTP",
    on=(Occasion.VERIFICATION,),
)
def check_outside(look: WorkloadLook) -> Verdict:
    """HTTP from the machine that runs the notebook."""
    address = look.workload.ingress
    names = {pod.name for pod in look.asked_pods}
    asked = [Asked("from here", by_one_of(names, it)) for it in readable(look.seen.outside)]
    verdict = judged(
        look,
        asked,
        f"{len(asked)} of {counted(len(asked), 'request')} answered at {address}",
        f"{SEE_RULE}; and the path from here to {address}",
    )
    return _about_service(look, verdict)


def _asked(pod: Pod, answer: Answer | Unreadable | None) -> Asked:
    found = not_asked(answer) if isinstance(answer, Unreadable) else answer or NOT_ASKED
    return Asked(pod.name, found, (pod.name,))


def _about_service(look: WorkloadLook, verdict: Verdict) -> Verdict:
    """A failure with the Service among its victims."""
    if verdict.status is not Status.FAIL:
        return verdict
    return replace(verdict, victims=(*verdict.victims, look.service_victim))


def _lists_service(answer: Answer) -> Answer:
    if answer.ok and SERVICE not in answer.said.split():
        return replace(answer, ok=False, said=f"{SERVICE} is not among: {answer.said or 'none'}")
    return answer


def _lies_in(address: str, network: IPv4Network) -> bool:
    try:
        return ip_address(address) in network
    except ValueError:
        return False

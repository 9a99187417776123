"""Does the verification's workload exist, with its load balancer where it should be?"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from kuryr_runbook.checking.checks import Check, Occasion
from kuryr_runbook.checking.verdicts import (
    CouldNotLook,
    failed,
    passed,
    pod_victim,
    skipped,
    some,
)
from kuryr_runbook.checking.view.cloud import ipv4
from kuryr_runbook.checking.view.workload import WorkloadLook
from kuryr_runbook.model.findings import Verdict, Victim
from kuryr_runbook.specs.workload import DEMO, SERVICE

VRRP = "octavia-lb-vrrp-"
"""Prefix of the name of an amphora's own port."""


@Check(
    "deployment-available",
    "The workload is there, and all its replicas are available",
    "kubernetes: a replica is available once its pod is ready",
    on=(Occasion.VERIFICATION,),
)
def check_deployment(look: WorkloadLook) -> Iterator[Verdict]:
    """A pod is available when Kuryr has plugged it and its container runs."""
    workload, wanted = look.workload, look.site.verification.replicas
    namespace = look.site.verification.namespace
    if workload.available is None:
        yield failed(f"there is no Deployment {namespace}/{DEMO}", "apply the plan first")
    elif workload.available != wanted:
        bad = [pod for pod in workload.pods if not pod.is_running]
        details = [
            f"{pod.name} on {pod.node or 'no node yet'}: "
            f"{look.pod_warning(pod) or 'does not run yet'}"
            for pod in bad
        ]
        yield failed(
            f"{workload.available} of {wanted}: {some(details)}".rstrip(": "),
            "`CNI Daemon returned error 504`: the controller did not handle the pod, see its log; "
            "`error 500`: the daemon could not plug it, see the log of kuryr-daemon on that node",
            *map(pod_victim, bad),
        )
    if workload.service is None:
        yield failed(f"there is no Service {namespace}/{SERVICE}", "apply the plan first")
    yield passed(f"{wanted} of {wanted}")


@Check(
    "amphora-upper-half",
    "The amphora's own address is in the upper half",
    "kuryr-kubernetes, doc/source/installation/services.rst: the upper half is Octavia's",
    on=(Occasion.VERIFICATION,),
)
def check_amphora_half(look: WorkloadLook) -> Verdict:
    """The upper half is Octavia's: an amphora in the lower one would have a Service's ClusterIP."""
    balancer = look.workload_balancer
    if balancer.provider not in ("amphora", "octavia"):
        return skipped(f"provider {balancer.provider} has no amphora")
    addresses = _amphora_addresses(look, balancer.vip)
    if not addresses:
        raise CouldNotLook(
            f"no port {VRRP}* with the VIP {balancer.vip} is visible; an admin can see it with "
            f"`openstack loadbalancer amphora list --loadbalancer {balancer.id}`"
        )
    _, upper = look.site.network.service_subnet.cidr.subnets()
    bad = [str(address) for address in addresses if address not in upper]
    if bad:
        return failed(
            f"{', '.join(bad)} not in {upper}",
            "check the allocation pool of the service subnet: only the upper half, without the "
            "gateway; phase 02 reports what is wrong with it",
            Victim("load balancer", balancer.name),
        )
    return passed(f"{', '.join(map(str, addresses))} in {upper}")


def _amphora_addresses(look: WorkloadLook, vip: str) -> list[IPv4Address]:
    amphorae = (
        port
        for port in look.ports.values()
        if port.name.startswith(VRRP) and any(pair.address == vip for pair in port.pairs)
    )
    found = (ipv4(address) for port in amphorae for address in port.addresses)
    return [address for address in found if address is not None]

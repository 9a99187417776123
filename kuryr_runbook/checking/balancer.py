"""Checks of the Service's load balancer: Octavia's state, its addresses, the floating IP."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from kuryr_runbook.checking.checks import Check, Occasion
from kuryr_runbook.checking.verdicts import CouldNotLook, failed, passed, readable, some
from kuryr_runbook.checking.view.workload import balancer, balancers, members, pods_of
from kuryr_runbook.model.findings import Status, Verdict, Victim
from kuryr_runbook.snapshots.workload.verification import VerificationSnapshot
from kuryr_runbook.specs.workload import POD_PORT, SERVICE, balancer_name

VRRP = "octavia-lb-vrrp-"
"""How Octavia's amphora provider begins the name of an amphora's own port."""
SEE_CONTROLLER = (
    "see the controller's log and the status of the load balancer in Octavia: a 403 there means "
    "that Kuryr's user lacks the role load-balancer_member"
)
SEE_POOL = (
    "check the allocation pool of the service subnet: only the upper half, without the gateway; "
    "phase 02 says what is wrong with it"
)


@Check(
    "lb-active",
    "The Service's load balancer is ACTIVE",
    "octavia: provisioning_status",
    on=(Occasion.VERIFICATION,),
)
def check_active(snapshot: VerificationSnapshot) -> Verdict:
    """Kuryr makes one for each Service, of the Service's name."""
    name = balancer_name(snapshot.site)
    found = balancers(snapshot)
    if not found:
        return failed(f"there is no load balancer {name}", SEE_CONTROLLER)
    if len(found) > 1:
        ids = ", ".join(item.id for item in found)
        return failed(
            f"there are {len(found)} load balancers {name}: {ids}",
            "delete those whose VIP is not the Service's ClusterIP: openstack loadbalancer delete "
            "--cascade ID",
        )
    status = found[0].provisioning
    if status != "ACTIVE":
        return failed(f"{name} is {status}", SEE_CONTROLLER, Victim("load balancer", name))
    return passed(f"{name} is ACTIVE")


@Check(
    "member-count",
    "The pool has as many members as there are replicas",
    "kuryr-kubernetes, controller/handlers/lbaas.py: a member for each ready address",
    on=(Occasion.VERIFICATION,),
)
def check_member_count(snapshot: VerificationSnapshot) -> Verdict:
    """Kuryr adds a member for each ready pod of the Service's endpoints."""
    found, wanted = len(members(snapshot)), snapshot.site.verification.replicas
    if found != wanted:
        return failed(f"{found} members, {wanted} replicas", SEE_CONTROLLER)
    return passed(f"{found} members")


@Check(
    "members-are-pods",
    "The members are the pods",
    "kuryr-kubernetes, controller/handlers/lbaas.py: a member for each ready address",
    on=(Occasion.VERIFICATION,),
)
def check_members(snapshot: VerificationSnapshot) -> Verdict:
    """Each pod's address, with the port that the pods serve on."""
    pods = {(pod.address, POD_PORT): pod.name for pod in pods_of(snapshot)}
    have = {(member.address, member.port) for member in members(snapshot)}
    missing = [f"pod {pods[end]} ({_end(end)}) is no member" for end in pods.keys() - have]
    strange = [f"member {_end(end)} is no pod" for end in have - pods.keys()]
    if missing or strange:
        return failed(some(sorted([*missing, *strange])), SEE_CONTROLLER)
    return passed(f"{len(pods)} pods, {len(have)} members with their addresses")


@Check(
    "ingress-address",
    "The Service announces an address to the outside",
    "kuryr-kubernetes, controller/drivers/public_ip.py",
    on=(Occasion.VERIFICATION,),
)
def check_ingress(snapshot: VerificationSnapshot) -> Verdict:
    """Kuryr writes it into the Service's status when the floating IP is there."""
    workload = readable(snapshot.workload)
    if not workload.cluster_ip:
        namespace = snapshot.site.verification.namespace
        return failed(f"there is no Service {namespace}/{SERVICE}", "apply the plan first")
    if not workload.ingress:
        return failed(
            "its status has no load balancer address",
            "check external_svc_net in kuryr.conf, the quota of floating IPs, and the "
            "controller's log for `Failed to allocate public IP`",
        )
    return passed(workload.ingress)


@Check(
    "vip-lower-half",
    "The VIP is the ClusterIP, in the lower half of the service subnet",
    "kuryr-kubernetes, doc/source/installation/services.rst: the upper half is Octavia's",
    on=(Occasion.VERIFICATION,),
)
def check_vip_half(snapshot: VerificationSnapshot) -> Verdict:
    """The lower half is Kubernetes'."""
    vip, cluster_ip = _vip(snapshot), readable(snapshot.workload).cluster_ip
    lower = _halves(snapshot)[0]
    if vip not in lower:
        return failed(f"VIP {vip} is not in {lower}", SEE_POOL)
    if str(vip) != cluster_ip:
        return failed(
            f"VIP {vip} is not the ClusterIP {cluster_ip or '(none)'}",
            "the load balancer is of an earlier Service of that name: delete it, then run again",
            Victim("load balancer", balancer_name(snapshot.site)),
        )
    return passed(f"{vip} in {lower}")


@Check(
    "amphora-upper-half",
    "The amphora's own address is in the upper half",
    "kuryr-kubernetes, doc/source/installation/services.rst: the upper half is Octavia's",
    on=(Occasion.VERIFICATION,),
)
def check_amphora_half(snapshot: VerificationSnapshot) -> Verdict:
    """The upper half is Octavia's: an amphora in the lower one would hold somebody's ClusterIP."""
    provider = balancer(snapshot).provider
    if provider not in ("amphora", "octavia"):
        evidence = f"provider {provider} has no amphora"
        return Verdict(status=Status.SKIP, evidence=evidence)
    addresses = _amphora_addresses(snapshot)
    if not addresses:
        raise CouldNotLook(
            f"no port {VRRP}* with the VIP {_vip(snapshot)} is visible; an admin sees it by "
            f"`openstack loadbalancer amphora list --loadbalancer {balancer(snapshot).id}`"
        )
    upper = _halves(snapshot)[1]
    bad = [str(address) for address in addresses if address not in upper]
    if bad:
        return failed(f"{', '.join(bad)} not in {upper}", SEE_POOL)
    return passed(f"{', '.join(map(str, addresses))} in {upper}")


@Check(
    "floating-ip-matches",
    "The VIP's floating IP is what the Service announces",
    "kuryr-kubernetes, controller/drivers/public_ip.py",
    on=(Occasion.VERIFICATION,),
)
def check_floating_ip(snapshot: VerificationSnapshot) -> Verdict:
    """Neutron's view and the Service's status have to agree."""
    announced, vip = readable(snapshot.workload).ingress, _vip(snapshot)
    port = balancer(snapshot).vip_port_id
    found = [it.address for it in readable(snapshot.cloud.floating_ips) if it.port_id == port]
    if found != [announced]:
        return failed(
            f"Neutron has {', '.join(found) or 'none'} at the VIP {vip}, the Service announces "
            f"{announced or 'none'}",
            "delete the Service and run again: Kuryr makes both anew",
        )
    return passed(f"{announced} at {vip}")


def _amphora_addresses(snapshot: VerificationSnapshot) -> list[IPv4Address]:
    vip = str(_vip(snapshot))
    ports = [
        port
        for port in readable(snapshot.cloud.ports)
        if port.name.startswith(VRRP) and any(pair.address == vip for pair in port.pairs)
    ]
    return [IPv4Address(address) for port in ports for address in port.addresses]


def _vip(snapshot: VerificationSnapshot) -> IPv4Address:
    return IPv4Address(balancer(snapshot).vip)


def _halves(snapshot: VerificationSnapshot) -> list[IPv4Network]:
    return list(snapshot.site.network.service_subnet.cidr.subnets())


def _end(end: tuple[str, int]) -> str:
    return f"{end[0] or 'no address'}:{end[1]}"

"""Network policies: are the groups that Kuryr made for them there, unchanged, and on the ports?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from kuryr_runbook.checking.causes import Cause
from kuryr_runbook.checking.checks import Check, Depth, Fault
from kuryr_runbook.checking.verdicts import pod_victim, readable, some
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.checking.view.subnets import look_up
from kuryr_runbook.model.findings import Region, Status, Victim
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cloud.resources import Rule
from kuryr_runbook.snapshots.cluster.enforced import Enforced, SgRule, as_range
from kuryr_runbook.snapshots.cluster.kuryr_objects import KuryrObject
from kuryr_runbook.snapshots.cluster.objects import Pod
from kuryr_runbook.specs.wanted import pod_group

FORGET = '\'[{"op":"replace","path":"/status","value":{"securityGroupRules":[]}}]\''
"""The patch after which Kuryr makes a policy's group again, and sets it on the pods."""


def _off(site: Site) -> str:
    return "" if site.kuryr.network_policies else "network policies are off"


def _noted(look: Look) -> list[tuple[KuryrObject, Enforced]]:
    """What Kuryr noted of policies that are there for a while, and not being deleted."""
    return [
        (it, it.policy)
        for it in readable(look.cluster.kuryr_objects)
        if it.policy is not None and it.life.deleted is None and look.is_old(it.life.made)
    ]


def _victim(it: KuryrObject) -> Victim:
    return Victim("NetworkPolicy", it.name, it.namespace)


def _anew(it: KuryrObject) -> str:
    return f"kubectl -n {it.namespace} patch kuryrnetworkpolicy {it.name} --type=json -p {FORGET}"


@Check(
    "policy-group",
    "The group of every network policy is there, as Kuryr made it",
    "kuryr-kubernetes, controller/handlers/kuryrnetworkpolicy.py: it compares the policy with its "
    "own note of the group, never with Neutron",
    moot=_off,
    explains={"pod-groups"},
    depth=Depth.GROUND,
    region=Region.GUARDS,
    faults=(
        Fault("a policy's security group deleted, or not made", "its pods are open or unplugged"),
        Fault("a policy's security group edited", "it admits more, or less, than the policy"),
    ),
)
def check_groups(look: Look) -> Iterator[Cause]:
    """Nothing repairs it, not even a restart."""
    for it, policy in _noted(look):
        if it.made not in look.groups:
            what = f"group {it.made}, which is not there" if it.made else "no group yet"
            yield Cause(
                status=Status.FAIL,
                evidence=f"{it} names {what}",
                remedy=_anew(it),
                victims=(_victim(it),),
            )
            continue
        there = {_as_kuryr(rule): rule for rule in look.rules.get(it.made, ())}
        if lost := policy.rules - there.keys():
            yield Cause(
                status=Status.FAIL,
                evidence=f"{look.groups[it.made]} lacks {some(sorted(map(str, lost)))}",
                remedy=f"{_anew(it)}; then openstack security group delete {it.made}",
                victims=(_victim(it),),
                explains=frozenset(),
            )
        if more := [rule.id for key, rule in there.items() if key not in policy.rules]:
            yield Cause(
                status=Status.FAIL,
                evidence=f"{look.groups[it.made]} has rules that are not the policy's: "
                f"{some(more)}",
                remedy=f"openstack security group rule delete {' '.join(more)}",
                victims=(_victim(it),),
                explains=frozenset(),
            )


def _as_kuryr(rule: Rule) -> SgRule:
    return SgRule(
        direction=rule.direction,
        ethertype=rule.ethertype,
        protocol=(rule.protocol or "").lower(),
        first_port=rule.port_range_min,
        last_port=rule.port_range_max,
        prefix=as_range(rule.remote_ip_prefix or ""),
    )


@Check(
    "pod-groups",
    "Every pod's port is in the groups of the policies that select it, or in the pods' group",
    "kuryr-kubernetes, controller/drivers/network_policy_security_groups.py: the groups of all "
    "policies that select a pod, else pod_security_groups",
    moot=_off,
    region=Region.GUARDS,
    faults=(
        Fault("a policy's group taken off a pod's port", "the pod is open, or closed, to all"),
    ),
)
def check_pods(look: Look) -> Iterator[Cause]:
    """Kuryr sets them when the pod or the policy changes, and does not look again."""
    by_space: dict[str, list[tuple[str, Enforced]]] = defaultdict(list)
    for it, policy in _noted(look):
        by_space[it.namespace].append((it.made, policy))
    common = look_up(look.cloud.groups, pod_group(look.site), look.cloud)
    open_to_all = set() if common is None else {common.id}
    astray: dict[Pod, tuple[str, list[str]]] = {}
    for pod, vif in look.plugged:
        port, policies = look.ports.get(vif.port_id), by_space[pod.namespace]
        wanted = {made for made, it in policies if it.selects(pod.labels)} or open_to_all
        is_settled = port is not None and look.is_old(pod.life.made)
        if port is not None and is_settled and wanted and {*port.groups} != wanted:
            astray[pod] = port.id, sorted(wanted)
    if astray:
        port_id, groups = next(iter(astray.values()))
        setting = " ".join(f"--security-group {it}" for it in groups)
        yield Cause(
            status=Status.FAIL,
            evidence=some([_compared(look, pod, *it) for pod, it in astray.items()]),
            remedy=f"openstack port set --no-security-group {setting} {port_id}",
            victims=tuple(map(pod_victim, astray)),
            own=True,
        )


def _compared(look: Look, pod: Pod, port_id: str, groups: list[str]) -> str:
    having = [look.groups.get(it, it) for it in look.ports[port_id].groups]
    wanted = [look.groups.get(it, it) for it in groups]
    return f"{pod} has {', '.join(having) or 'none'} instead of {', '.join(wanted)}"

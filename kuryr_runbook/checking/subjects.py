"""All checks, by the sections of the documentation. Preflight, verification and diagnosis each
take theirs from here; of checks that are equally deep, the first is run first."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from types import ModuleType

from kuryr_runbook.checking.questions import (
    agents,
    balancers,
    cluster,
    drift,
    endpoints,
    events,
    groups,
    intents,
    intruders,
    leftovers,
    logs,
    macvlan,
    namespaces,
    networks,
    nodes,
    ownership,
    pairs,
    permissions,
    placement,
    pods,
    policies,
    pools,
    probed,
    programs,
    quotas,
    rivals,
    services,
    settings,
    states,
    workload,
)
from kuryr_runbook.checking.traffic import mesh, reachability

SUBJECTS: Mapping[str, tuple[ModuleType, ...]] = {
    "Who has to answer": (endpoints, permissions),
    "Kuryr's own programs": (placement, programs, logs, rivals, intruders, events, cluster),
    "Networks, nodes and quotas": (
        networks,
        namespaces,
        macvlan,
        states,
        settings,
        quotas,
        nodes,
        agents,
        probed,
    ),
    "Security groups": (groups, policies),
    "Pods": (pods, pairs, pools, ownership),
    "Services and load balancers": (services, balancers),
    "Asked for in vain": (intents,),
    "Left over": (leftovers,),
    "Not as in the site file": (drift,),
    "The verification's workload": (workload, mesh, reachability),
}
QUESTIONS = tuple(chain.from_iterable(SUBJECTS.values()))

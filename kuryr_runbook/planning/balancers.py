"""The part of phase 02's plan that is about the API's load balancer."""

from __future__ import annotations

from typing import Any

from kuryr_runbook.model.plan import Action, Step, Target
from kuryr_runbook.planning.gathering import Gathering, Ref, Resource
from kuryr_runbook.specs.openstack import HTTPS_PORT, LoadBalancerSpec


def plan_load_balancer(gathering: Gathering, services: Ref, node_subnet: str) -> None:
    """The load balancer of the API: made whole, waited for, or its members mended."""
    spec = gathering.spec.load_balancer
    balancer = gathering.find("loadbalancer", spec.name, None, "network.api_load_balancer")
    members = [
        {"address": str(address), "protocol_port": port, "subnet_id": node_subnet}
        for address, port in spec.members
    ]
    target = Target("loadbalancer", spec.name)
    if balancer is None:
        body = _whole_tree(spec, services, members)
        gathering.create_step(target, body, f"the API at {spec.vip}: Kuryr makes none for it")
    elif balancer["vip_address"] != str(spec.vip):
        gathering.problems.append(
            f"load balancer {spec.name} should have VIP {spec.vip} and has "
            f"{balancer['vip_address']}"
        )
    elif balancer["provisioning_status"] == "ERROR" and not gathering.owns(balancer):
        gathering.problems.append(
            f"load balancer {spec.name} is in ERROR, and the runbook did not make it: delete it, "
            "or name another in network.api_load_balancer"
        )
    elif balancer["provisioning_status"] == "ERROR":
        gathering.steps.append(
            Step(
                action=Action.REPLACE,
                target=target,
                id=balancer["id"],
                because="Octavia says ERROR",
                body=_whole_tree(spec, services, members) | {"description": gathering.spec.owner},
            )
        )
    elif balancer["provisioning_status"] != "ACTIVE":
        because = f"is {balancer['provisioning_status']}: to be waited for"
        gathering.steps.append(
            Step(action=Action.UPDATE, target=target, id=balancer["id"], because=because)
        )
    else:
        gathering.keep("loadbalancer", spec.name, balancer, f"ACTIVE at {spec.vip}")
        _members(gathering, balancer, members)


def _members(gathering: Gathering, balancer: Resource, members: list[dict[str, Any]]) -> None:
    spec, balancer_id = gathering.spec.load_balancer, str(balancer["id"])
    target = Target("pool_members", spec.name)
    pool = next(
        (
            pool
            for pool in gathering.snapshot.of("pool")
            if any(lb["id"] == balancer_id for lb in pool["loadbalancers"])
        ),
        None,
    )
    if pool is None:
        gathering.problems.append(f"load balancer {spec.name} has no pool: delete it, then rerun")
        return
    have = {
        (member["address"], member["protocol_port"])
        for member in gathering.snapshot.members.get(pool["id"], ())
    }
    want = {(member["address"], member["protocol_port"]) for member in members}
    if have != want and not gathering.owns(balancer):
        gathering.problems.append(
            f"load balancer {spec.name}, which the runbook did not make, should have the members "
            f"{_ends(want)} and has {_ends(have)}"
        )
        return
    if have == want:
        step = Step(
            action=Action.KEEP, target=target, id=pool["id"], because="the API servers, all"
        )
    else:
        step = Step(
            action=Action.UPDATE,
            target=target,
            id=pool["id"],
            because=f"should be {_ends(want)} and are {_ends(have)}",
            before={"members": sorted(have)},
            body={"members": members, "load_balancer": balancer_id},
        )
    gathering.steps.append(step)


def _whole_tree(
    spec: LoadBalancerSpec, services: Ref, members: list[dict[str, Any]]
) -> dict[str, Any]:
    """The whole tree in one request."""
    return {
        "name": spec.name,
        "vip_subnet_id": services,
        "vip_address": str(spec.vip),
        "listeners": [
            {
                "name": f"{spec.name}:{HTTPS_PORT}",
                "protocol": "HTTPS",
                "protocol_port": HTTPS_PORT,
                "default_pool": {
                    "name": f"{spec.name}:{HTTPS_PORT}",
                    "protocol": "HTTPS",
                    "lb_algorithm": "ROUND_ROBIN",
                    "members": members,
                },
            }
        ],
    }


def _ends(members: set[tuple[str, int]]) -> str:
    return ", ".join(f"{address}:{port}" for address, port in sorted(members)) or "none"

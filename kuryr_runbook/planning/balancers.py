"""The part of phase 02's plan that is about the API's load balancer."""

from __future__ import annotations

from typing import Any

from kuryr_runbook.model.plan import Action, Change, Step, Target, field_changes
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
    target = _own_target(spec)
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
        _replace(gathering, balancer, _whole_tree(spec, services, members), "Octavia says ERROR")
    elif balancer["provisioning_status"] != "ACTIVE":
        because = f"is {balancer['provisioning_status']}: to be waited for"
        gathering.steps.append(
            Step(action=Action.UPDATE, target=target, id=balancer["id"], because=because)
        )
        _listener(gathering, balancer, members)
    elif _is_anothers(spec, balancer) and gathering.owns(balancer):
        because = f"provider {balancer['provider']} has it, and the site names {spec.provider}"
        _replace(gathering, balancer, _whole_tree(spec, services, members), because)
    else:
        gathering.keep("loadbalancer", spec.name, balancer, f"ACTIVE at {spec.vip}")
        _listener(gathering, balancer, members)


def _is_anothers(spec: LoadBalancerSpec, balancer: Resource) -> bool:
    """Whether another provider than the site's has it; it cannot be moved."""
    return spec.provider is not None and balancer.get("provider") != spec.provider


def _replace(gathering: Gathering, balancer: Resource, tree: dict[str, Any], because: str) -> None:
    body = tree | {"description": gathering.spec.owner}
    gathering.steps.append(
        Step(
            action=Action.REPLACE,
            target=_own_target(gathering.spec.load_balancer),
            id=balancer["id"],
            because=because,
            body=body,
            changes=field_changes(body, balancer),
            disturbs="pods do not reach the API meanwhile",
        )
    )


def _listener(gathering: Gathering, balancer: Resource, members: list[dict[str, Any]]) -> None:
    """The listener that pods talk to, with its pool."""
    listener = next(
        (
            item
            for item in gathering.snapshot.of("listener")
            if item["protocol_port"] == HTTPS_PORT and _is_part(item, balancer)
        ),
        None,
    )
    pool = next((p for p in gathering.snapshot.of("pool") if _is_part(p, balancer)), None)
    spec = gathering.spec.load_balancer
    if (listener is None or pool is None) and not gathering.owns(balancer):
        gathering.problems.append(
            f"load balancer {spec.name}, which the runbook did not make, should have a listener "
            f"with a pool at port {HTTPS_PORT} and has none"
        )
        return
    tree = _listener_tree(spec, members)
    if listener is not None and pool is None:
        _part(gathering, balancer, "pool", tree["default_pool"] | {"listener_id": listener["id"]})
    elif pool is None:
        _part(gathering, balancer, "listener", tree)
    elif listener is None:
        del tree["default_pool"]
        _part(gathering, balancer, "listener", tree | {"default_pool_id": pool["id"]})
    if pool is not None:
        _members(gathering, balancer, pool, members)


def _part(gathering: Gathering, balancer: Resource, kind: str, body: dict[str, Any]) -> None:
    """A listener or pool that is gone."""
    spec = gathering.spec.load_balancer
    gathering.create_step(
        Target(kind, f"{spec.name}:{HTTPS_PORT}"),
        body | ({"loadbalancer_id": balancer["id"]} if kind == "listener" else {}),
        f"load balancer {spec.name} has none for port {HTTPS_PORT}",
        after=_own_target(spec),
        known={"loadbalancer_id": balancer["id"]},
    )


def _own_target(spec: LoadBalancerSpec) -> Target:
    """What is changed of a load balancer waits until it is ACTIVE."""
    return Target("loadbalancer", spec.name)


def _is_part(item: Resource, balancer: Resource) -> bool:
    return any(parent["id"] == balancer["id"] for parent in item["loadbalancers"])


def _members(
    gathering: Gathering, balancer: Resource, pool: Resource, members: list[dict[str, Any]]
) -> None:
    spec = gathering.spec.load_balancer
    target = Target("pool_members", spec.name)
    have = {
        (member["address"], member["protocol_port"])
        for member in gathering.snapshot.members.get(pool["id"], ())
    }
    want = {(member["address"], member["protocol_port"]) for member in members}
    if have == want:
        because = "the API servers, all"
        gathering.steps.append(
            Step(action=Action.KEEP, target=target, id=pool["id"], because=because)
        )
    elif not gathering.owns(balancer):
        gathering.problems.append(
            f"load balancer {spec.name}, which the runbook did not make, should have the members "
            f"{_ends(want)} and has {_ends(have)}"
        )
    else:
        gathering.steps.append(
            Step(
                action=Action.UPDATE,
                target=target,
                id=pool["id"],
                because=f"should be {_ends(want)} and are {_ends(have)}",
                body={"members": members},
                changes=(Change("members", _ends(have), _ends(want)),),
                after=frozenset({_own_target(spec)}),
                known={"loadbalancer_id": balancer["id"]},
            )
        )


def _whole_tree(
    spec: LoadBalancerSpec, services: Ref, members: list[dict[str, Any]]
) -> dict[str, Any]:
    """The whole tree in one request."""
    return {
        "name": spec.name,
        "vip_subnet_id": services,
        "vip_address": str(spec.vip),
        **({"provider": spec.provider} if spec.provider else {}),
        "listeners": [_listener_tree(spec, members)],
    }


def _listener_tree(spec: LoadBalancerSpec, members: list[dict[str, Any]]) -> dict[str, Any]:
    name = f"{spec.name}:{HTTPS_PORT}"
    return {
        "name": name,
        "protocol": spec.protocol,
        "protocol_port": HTTPS_PORT,
        "default_pool": {
            "name": name,
            "protocol": spec.protocol,
            "lb_algorithm": spec.algorithm,
            "members": members,
        },
    }


def _ends(members: set[tuple[str, int]]) -> str:
    return ", ".join(f"{address}:{port}" for address, port in sorted(members)) or "none"

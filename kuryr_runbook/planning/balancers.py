"""The part of phase 02's plan that is about the API's load balancer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from kuryr_runbook.model.plan import Action, Change, Step, Target, field_changes
from kuryr_runbook.planning.gathering import Gathering, Ref, Resource
from kuryr_runbook.specs.openstack import HTTPS_PORT, LoadBalancerSpec

PASSING = ("HTTPS", "TCP")
"""Protocols in which Octavia hands TLS on to the API servers as it is."""

Member = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Parts:
    """A load balancer, the listener that pods talk to, and its pool."""

    balancer: Resource
    listener: Resource | None
    pool: Resource | None


def plan_load_balancer(gathering: Gathering, services: Ref, node_subnet: str) -> None:
    """The load balancer of the API: made whole, mended where it is ours, else used as it is."""
    spec = gathering.spec.load_balancer
    balancer = gathering.find("loadbalancer", spec.name, None, "network.api_load_balancer")
    members: list[Member] = [
        {"address": str(address), "protocol_port": port, "subnet_id": node_subnet}
        for address, port in spec.members
    ]
    if balancer is None:
        body = _whole_tree(spec, services, members)
        because = f"the API at {spec.vip}: Kuryr makes none for it"
        gathering.create_step(_own_target(spec), body, because)
        return
    if balancer["vip_address"] != str(spec.vip):
        gathering.problems.append(
            f"load balancer {spec.name} should have VIP {spec.vip} and has "
            f"{balancer['vip_address']}"
        )
        return
    parts = _parts(gathering, balancer)
    if not gathering.owns(balancer):
        _use(gathering, parts, members)
    elif because := _why_another(spec, parts):
        _replace(gathering, balancer, _whole_tree(spec, services, members), because)
    else:
        _mend(gathering, parts, members)


def _parts(gathering: Gathering, balancer: Resource) -> _Parts:
    spec, snapshot = gathering.spec.load_balancer, gathering.snapshot
    listeners, pools = (
        [item for item in snapshot.of(kind) if _is_part(item, balancer)]
        for kind in ("listener", "pool")
    )
    listener = next((it for it in listeners if it["protocol_port"] == HTTPS_PORT), None)
    default = (listener or {}).get("default_pool_id")
    pool = next((it for it in pools if it["id"] == default), None)
    # Where it was taken off its listener, it is known by the name that the runbook gave it.
    detached = next((it for it in pools if it["name"] == _part_name(spec)), None)
    return _Parts(balancer, listener, pool or detached)


def _is_part(item: Resource, balancer: Resource) -> bool:
    return any(parent["id"] == balancer["id"] for parent in item["loadbalancers"])


def _use(gathering: Gathering, parts: _Parts, members: list[Member]) -> None:
    """Somebody else's: it is as it should be, or that is a problem."""
    spec, status = gathering.spec.load_balancer, parts.balancer["provisioning_status"]
    if status == "ERROR":
        gathering.problems.append(
            f"load balancer {spec.name} is in ERROR, and the runbook did not make it: delete it, "
            "or name another in network.api_load_balancer"
        )
        return
    gathering.steps.append(_kept_or_awaited(spec, parts.balancer))
    gathering.problems.extend(
        f"load balancer {spec.name}, which the runbook did not make, should have {what}"
        for what in _misfits(gathering, parts, members)
    )
    if not gathering.problems and parts.pool is not None:
        gathering.steps.append(_members(gathering, parts.balancer, parts.pool, members))


def _misfits(gathering: Gathering, parts: _Parts, members: list[Member]) -> Iterator[str]:
    """What an adopted one should have, and has not."""
    listener, pool = parts.listener, parts.pool
    if listener is None or pool is None or listener["default_pool_id"] != pool["id"]:
        yield f"a listener with a pool at port {HTTPS_PORT} and has none"
        return
    for what, item in (("itself", parts.balancer), ("its listener", listener), ("its pool", pool)):
        if not item["admin_state_up"]:
            yield f"{what} switched on (admin_state_up) and has it off"
    for what, item in (("listener", listener), ("pool", pool)):
        if item["protocol"] not in PASSING:
            wanted = " or ".join(PASSING)
            yield f"a {what} of protocol {wanted} and has one of {item['protocol']}"
    have, want = _serving(gathering, pool), _ends_of(members)
    if have != want:
        yield f"the members {_ends(want)} and has {_ends(have)}"


def _why_another(spec: LoadBalancerSpec, parts: _Parts) -> str:
    """Why ours has to be replaced, as it cannot be changed so; empty: it need not be."""
    balancer = parts.balancer
    if balancer["provisioning_status"] == "ERROR":
        return "Octavia says ERROR"
    if spec.provider is not None and balancer["provider"] != spec.provider:
        return f"provider {balancer['provider']} has it, and the site names {spec.provider}"
    for what, item in (("listener", parts.listener), ("pool", parts.pool)):
        if item is not None and item["protocol"] != spec.protocol:
            return f"its {what} has protocol {item['protocol']}, and should have {spec.protocol}"
    return ""


def _replace(gathering: Gathering, balancer: Resource, tree: dict[str, Any], because: str) -> None:
    body = gathering.marked(tree)
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


def _mend(gathering: Gathering, parts: _Parts, members: list[Member]) -> None:
    """Ours: what is gone is made again, and what was changed is changed back.

    One after the other: Octavia changes one thing of a load balancer at a time.
    """
    earlier: frozenset[Target] = frozenset()
    for step in _mending(gathering, parts, members):
        gathering.steps.append(replace(step, after=earlier))
        earlier = frozenset({step.target})


def _mending(gathering: Gathering, parts: _Parts, members: list[Member]) -> Iterator[Step]:
    spec, balancer, pool = gathering.spec.load_balancer, parts.balancer, parts.pool
    if balancer["admin_state_up"]:
        yield _kept_or_awaited(spec, balancer)
    else:
        yield _changed(_own_target(spec), balancer, balancer, {"admin_state_up": True})
    tree = _listener_tree(spec, members)
    if parts.listener is None:
        if pool is not None:
            del tree["default_pool"]
            tree["default_pool_id"] = pool["id"]
        yield _made(gathering, balancer, "listener", tree | {"loadbalancer_id": balancer["id"]})
    else:
        wanted = {"admin_state_up": True} | ({"default_pool_id": pool["id"]} if pool else {})
        yield from _mended(spec, "listener", parts.listener, balancer, wanted)
        if pool is None:
            body = tree["default_pool"] | {"listener_id": parts.listener["id"]}
            yield _made(gathering, balancer, "pool", body)
    if pool is not None:
        wanted = {"admin_state_up": True, "lb_algorithm": spec.algorithm}
        yield from _mended(spec, "pool", pool, balancer, wanted)
        yield _members(gathering, balancer, pool, members)


def _kept_or_awaited(spec: LoadBalancerSpec, balancer: Resource) -> Step:
    status = balancer["provisioning_status"]
    is_active = status == "ACTIVE"
    return Step(
        action=Action.KEEP if is_active else Action.UPDATE,
        target=_own_target(spec),
        id=balancer["id"],
        because=f"ACTIVE at {spec.vip}" if is_active else f"is {status}: to be waited for",
        known=balancer,
    )


def _made(gathering: Gathering, balancer: Resource, kind: str, body: dict[str, Any]) -> Step:
    """A listener or pool that is gone."""
    spec, marked = gathering.spec.load_balancer, gathering.marked(body)
    return Step(
        action=Action.CREATE,
        target=_part_target(kind, spec),
        because=f"load balancer {spec.name} has none for port {HTTPS_PORT}",
        body=marked,
        changes=field_changes(marked),
        known={"loadbalancer_id": balancer["id"]},
    )


def _mended(
    spec: LoadBalancerSpec, kind: str, item: Resource, balancer: Resource, wanted: dict[str, Any]
) -> Iterator[Step]:
    """A listener or pool of which somebody changed a field; nothing when nobody did."""
    if any(item[name] != value for name, value in wanted.items()):
        yield _changed(_part_target(kind, spec), item, balancer, wanted)


def _changed(target: Target, item: Resource, balancer: Resource, wanted: dict[str, Any]) -> Step:
    changes = field_changes(wanted, item)
    return Step(
        action=Action.UPDATE,
        target=target,
        id=item["id"],
        because="; ".join(f"{it.field} is {it.before}" for it in changes),
        body=wanted,
        changes=changes,
        known={"loadbalancer_id": balancer["id"]},
    )


def _members(
    gathering: Gathering, balancer: Resource, pool: Resource, members: list[Member]
) -> Step:
    target = Target("pool_members", gathering.spec.load_balancer.name)
    have, want = _serving(gathering, pool), _ends_of(members)
    if have == want:
        because = "the API servers, all"
        return Step(action=Action.KEEP, target=target, id=pool["id"], because=because)
    # One that was switched off or has no weight is there still: it gets both back.
    serving = [{**member, "admin_state_up": True, "weight": 1} for member in members]
    return Step(
        action=Action.UPDATE,
        target=target,
        id=pool["id"],
        because=f"should be {_ends(want)} and are {_ends(have)}",
        body={"members": serving},
        changes=(Change("members", _ends(have), _ends(want)),),
        known={"loadbalancer_id": balancer["id"]},
    )


def _serving(gathering: Gathering, pool: Resource) -> set[tuple[str, int]]:
    """The members of a pool that get requests."""
    members = gathering.snapshot.members.get(pool["id"], ())
    return _ends_of(it for it in members if it["admin_state_up"] and it["weight"] > 0)


def _ends_of(members: Iterable[Resource]) -> set[tuple[str, int]]:
    return {(member["address"], member["protocol_port"]) for member in members}


def _ends(members: set[tuple[str, int]]) -> str:
    return ", ".join(f"{address}:{port}" for address, port in sorted(members)) or "none"


def _own_target(spec: LoadBalancerSpec) -> Target:
    return Target("loadbalancer", spec.name)


def _part_name(spec: LoadBalancerSpec) -> str:
    return f"{spec.name}:{HTTPS_PORT}"


def _part_target(kind: str, spec: LoadBalancerSpec) -> Target:
    return Target(kind, _part_name(spec))


def _whole_tree(spec: LoadBalancerSpec, services: Ref, members: list[Member]) -> dict[str, Any]:
    """The whole tree in one request."""
    return {
        "name": spec.name,
        "vip_subnet_id": services,
        "vip_address": str(spec.vip),
        **({"provider": spec.provider} if spec.provider else {}),
        "listeners": [_listener_tree(spec, members)],
    }


def _listener_tree(spec: LoadBalancerSpec, members: list[Member]) -> dict[str, Any]:
    name = _part_name(spec)
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

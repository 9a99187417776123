"""The part of phase 02's plan that is about the API's load balancer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from kuryr_runbook.model.bodies import BalancerPart, PoolMembers
from kuryr_runbook.model.plan import (
    Action,
    Change,
    Differences,
    Step,
    Target,
    changed,
    field_changes,
)
from kuryr_runbook.planning.gathering import Gathering, Ref, target_of
from kuryr_runbook.snapshots.cloud.resources import Balancer, Listener, Pool
from kuryr_runbook.snapshots.reading import known
from kuryr_runbook.specs.openstack import HTTPS_PORT, SHORTEST_WATCH, LoadBalancerSpec

PASSING = ("HTTPS", "TCP")
"""Protocols with which Octavia passes TLS on to the API servers unchanged."""

Ends = set[tuple[str, int]]
"""Addresses and ports of the members that get requests."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """A load balancer, the listener that pods use, and its pool."""

    balancer: Balancer
    listener: Listener | None
    pool: Pool | None


def plan_load_balancer(gathering: Gathering, services: Ref, node_subnet: str) -> None:
    """The API's load balancer: created if missing, fixed if it is ours, else used unchanged."""
    spec = gathering.spec.load_balancer
    balancer = gathering.find(known(gathering.cloud.balancers), spec.wanted)
    members = [
        {"address": str(address), "protocol_port": port, "subnet_id": node_subnet}
        for address, port in spec.members
    ]
    if balancer is None:
        body = whole_tree(spec, services, members)
        because = f"the API at {spec.vip}: Kuryr makes none for it"
        gathering.create(target_of(spec.wanted), body, because)
        return
    if balancer.vip != str(spec.vip):
        gathering.refuse(
            target_of(spec.wanted),
            f"load balancer {spec.wanted.name} should have VIP {spec.vip} and has {balancer.vip}",
        )
        return
    parts = _parts(gathering, balancer)
    if not gathering.owns(balancer):
        _use(gathering, parts, members)
    elif because := _why_another(spec, parts):
        _replace(gathering, balancer, whole_tree(spec, services, members), because)
    else:
        _fix(gathering, parts, members)


def _parts(gathering: Gathering, balancer: Balancer) -> _Parts:
    spec, cloud = gathering.spec.load_balancer, gathering.cloud
    listeners = [it for it in known(cloud.listeners) if balancer.id in it.balancers]
    pools = [it for it in known(cloud.pools) if balancer.id in it.balancers]
    listener = next((it for it in listeners if it.port == HTTPS_PORT), None)
    default = listener.pool_id if listener is not None else ""
    pool = next((it for it in pools if it.id == default), None)
    # If it was removed from its listener, it is recognized by the runbook's name for it.
    detached = next((it for it in pools if it.name == part_name(spec)), None)
    return _Parts(balancer, listener, pool or detached)


def _use(gathering: Gathering, parts: _Parts, members: list[Body]) -> None:
    """Somebody else's: if it is not as it should be, that is a problem."""
    spec, name = gathering.spec.load_balancer, gathering.spec.load_balancer.wanted.name
    if parts.balancer.provisioning == "ERROR":
        gathering.refuse(
            target_of(spec.wanted),
            f"load balancer {name} is in ERROR, and the runbook did not create it: delete it, or "
            "name another one in network.api_load_balancer",
        )
        return
    step = _kept_or_awaited(spec, parts.balancer)
    gathering.steps.append(replace(step, because=f"{step.because}{_timeout_note(spec, parts)}"))
    misfits = list(_misfits(gathering, parts, members))
    for what in misfits:
        gathering.refuse(
            target_of(spec.wanted),
            f"load balancer {name}, which the runbook did not create, should have {what}",
        )
    if not misfits and parts.pool is not None:
        gathering.steps.append(_members(gathering, parts.balancer, parts.pool, members))


def _timeout_note(spec: LoadBalancerSpec, parts: _Parts) -> str:
    """A note about a listener that breaks watches.

    It is not a misfit: pods can reach the API, and clients restart a watch.
    """
    silence = parts.listener.silence if parts.listener is not None else None
    if spec.timeout is None or silence is None or silence >= SHORTEST_WATCH:
        return ""
    return (
        f"; its listener breaks watches that are silent for {silence / 1000:g} s, and is not "
        "changed, since the runbook did not create it"
    )


def _misfits(gathering: Gathering, parts: _Parts, members: list[Body]) -> Iterator[str]:
    """What an adopted one should have, and does not have."""
    listener, pool = parts.listener, parts.pool
    if listener is None or pool is None or listener.pool_id != pool.id:
        yield f"a listener with a pool at port {HTTPS_PORT} and has none"
        return
    for what, item in (("itself", parts.balancer), ("its listener", listener), ("its pool", pool)):
        if not item.admin_state_up:
            yield f"{what} switched on (admin_state_up) and has it off"
    for what, protocol in (("listener", listener.protocol), ("pool", pool.protocol)):
        if protocol not in PASSING:
            wanted = " or ".join(PASSING)
            yield f"a {what} of protocol {wanted} and has one of {protocol}"
    have, want = _serving(gathering, pool), _ends_of(members)
    if have != want:
        yield f"the members {_ends(want)} and has {_ends(have)}"


def _why_another(spec: LoadBalancerSpec, parts: _Parts) -> str:
    """Why ours has to be replaced, since it cannot be changed; empty: it does not have to be."""
    balancer = parts.balancer
    if balancer.provisioning == "ERROR":
        return "Octavia reports ERROR"
    if spec.provider is not None and balancer.provider != spec.provider:
        return f"its provider is {balancer.provider}, and the site's is {spec.provider}"
    for what, item in (("listener", parts.listener), ("pool", parts.pool)):
        if item is not None and item.protocol != spec.protocol:
            return f"its {what} has protocol {item.protocol} and should have {spec.protocol}"
    return ""


def _replace(gathering: Gathering, balancer: Balancer, tree: Body, because: str) -> None:
    body = gathering.marked(tree)
    seen = {"name": balancer.name, "vip_subnet_id": balancer.vip_subnet_id,
            "vip_address": balancer.vip, "provider": balancer.provider,
            "description": balancer.description}  # fmt: skip
    both = {name: (seen.get(name), value) for name, value in body.items()}
    gathering.steps.append(
        Step(
            action=Action.REPLACE,
            target=target_of(gathering.spec.load_balancer.wanted),
            id=balancer.id,
            because=because,
            body=body,
            changes=changed({name: (old, new) for name, (old, new) in both.items() if old != new}),
            disturbs="pods cannot reach the API meanwhile",
        )
    )


def _fix(gathering: Gathering, parts: _Parts, members: list[Body]) -> None:
    """Ours: missing parts are created again, and changed ones are changed back.

    One after the other: Octavia changes only one part of a load balancer at a time.
    """
    earlier: frozenset[Target] = frozenset()
    for step in _fixing_steps(gathering, parts, members):
        gathering.steps.append(replace(step, after=earlier))
        earlier = frozenset({step.target})


def _fixing_steps(gathering: Gathering, parts: _Parts, members: list[Body]) -> Iterator[Step]:
    spec, balancer = gathering.spec.load_balancer, parts.balancer
    listener, pool = parts.listener, parts.pool
    wanted: dict[str, tuple[object, object]]
    if balancer.admin_state_up:
        yield _kept_or_awaited(spec, balancer)
    else:
        switched = {"admin_state_up": (False, True)}
        yield _updated(target_of(spec.wanted), balancer.id, switched)
    tree = listener_tree(spec, members)
    if listener is None:
        if pool is not None:
            del tree["default_pool"]
            tree["default_pool_id"] = pool.id
        yield _made(gathering, balancer, "listener", tree | {"loadbalancer_id": balancer.id})
    else:
        wanted = {"admin_state_up": (listener.admin_state_up, True), **timeouts(spec, listener)}
        if pool is not None:
            wanted["default_pool_id"] = (listener.pool_id or None, pool.id)
        yield from _fixed_part(spec, listener, balancer, wanted)
        if pool is None:
            body = tree["default_pool"] | {"listener_id": listener.id}
            yield _made(gathering, balancer, "pool", body)
    if pool is not None:
        wanted = {"admin_state_up": (pool.admin_state_up, True)}
        wanted["lb_algorithm"] = (pool.algorithm, spec.algorithm)
        yield from _fixed_part(spec, pool, balancer, wanted)
        yield _members(gathering, balancer, pool, members)


def _kept_or_awaited(spec: LoadBalancerSpec, balancer: Balancer) -> Step:
    status = balancer.provisioning
    is_active = status == "ACTIVE"
    return Step(
        action=Action.KEEP if is_active else Action.UPDATE,
        target=target_of(spec.wanted),
        id=balancer.id,
        because=f"ACTIVE at {spec.vip}" if is_active else f"is {status}: to be waited for",
    )


def _made(gathering: Gathering, balancer: Balancer, kind: str, body: Body) -> Step:
    """Create a missing listener or pool."""
    spec, marked = gathering.spec.load_balancer, gathering.marked(body)
    return Step(
        action=Action.CREATE,
        target=_part_target(kind, spec),
        because=f"load balancer {spec.wanted.name} has none for port {HTTPS_PORT}",
        body=BalancerPart(fields=marked, balancer_id=balancer.id),
        changes=field_changes(marked),
    )


def _fixed_part(
    spec: LoadBalancerSpec, part: Listener | Pool, balancer: Balancer, wanted: Differences
) -> Iterator[Step]:
    """Change fields of a listener or pool back, if somebody changed any."""
    if misfits := {name: (old, new) for name, (old, new) in wanted.items() if old != new}:
        kind = "listener" if isinstance(part, Listener) else "pool"
        step = _updated(_part_target(kind, spec), part.id, misfits)
        fields = {name: new for name, (_, new) in misfits.items()}
        yield replace(step, body=BalancerPart(fields=fields, balancer_id=balancer.id))


def _updated(target: Target, resource_id: str, misfits: Differences) -> Step:
    changes = changed(misfits)
    return Step(
        action=Action.UPDATE,
        target=target,
        id=resource_id,
        because="; ".join(f"{it.field} is {it.before}" for it in changes),
        body={name: new for name, (_, new) in misfits.items()},
        changes=changes,
    )


def _members(gathering: Gathering, balancer: Balancer, pool: Pool, members: list[Body]) -> Step:
    target = Target("pool_members", gathering.spec.load_balancer.wanted.name)
    have, want = _serving(gathering, pool), _ends_of(members)
    if have == want:
        because = "the API servers, all"
        return Step(action=Action.KEEP, target=target, id=pool.id, because=because)
    # A member that was switched off or has weight 0 still exists: both are changed back.
    serving = tuple({**member, "admin_state_up": True, "weight": 1} for member in members)
    return Step(
        action=Action.UPDATE,
        target=target,
        id=pool.id,
        because=f"should be {_ends(want)} and are {_ends(have)}",
        body=PoolMembers(members=serving, balancer_id=balancer.id),
        changes=(Change("members", _ends(have), _ends(want)),),
    )


def _serving(gathering: Gathering, pool: Pool) -> Ends:
    """The members of a pool that get requests."""
    return {(it.address, it.port) for it in gathering.members_of(pool) if it.serves}


def _ends_of(members: Iterable[Body]) -> Ends:
    return {(member["address"], member["protocol_port"]) for member in members}


def _ends(members: Ends) -> str:
    return ", ".join(f"{address}:{port}" for address, port in sorted(members)) or "none"


def _part_target(kind: str, spec: LoadBalancerSpec) -> Target:
    return Target(kind, part_name(spec))


Body = dict[str, Any]
TIMEOUTS = ("timeout_client_data", "timeout_member_data")
"""Octavia's names of the timeouts of both sides of a listener."""


def timeouts(spec: LoadBalancerSpec, listener: Listener) -> dict[str, tuple[object, object]]:
    """The timeouts that a listener has and should have; empty without support for them."""
    seen = zip(TIMEOUTS, (listener.client_timeout, listener.member_timeout), strict=True)
    if spec.timeout is None:
        return {}
    return {name: (old, spec.timeout) for name, old in seen if old is not None}


def part_name(spec: LoadBalancerSpec) -> str:
    """The name of the listener and of its pool."""
    return f"{spec.wanted.name}:{HTTPS_PORT}"


def whole_tree(spec: LoadBalancerSpec, services: Ref, members: list[Body]) -> Body:
    """The whole tree in one request."""
    return {
        "name": spec.wanted.name,
        "vip_subnet_id": services,
        "vip_address": str(spec.vip),
        **({"provider": spec.provider} if spec.provider else {}),
        "listeners": [listener_tree(spec, members)],
    }


def listener_tree(spec: LoadBalancerSpec, members: list[Body]) -> Body:
    """The listener with its pool and members."""
    name = part_name(spec)
    return {
        "name": name,
        "protocol": spec.protocol,
        "protocol_port": HTTPS_PORT,
        **(dict.fromkeys(TIMEOUTS, spec.timeout) if spec.timeout is not None else {}),
        "default_pool": {
            "name": name,
            "protocol": spec.protocol,
            "lb_algorithm": spec.algorithm,
            "members": members,
        },
    }

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
"""Protocols in which Octavia hands TLS on to the API servers as it is."""

Ends = set[tuple[str, int]]
"""Address and port of each member that gets requests."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """A load balancer, the listener that pods talk to, and its pool."""

    balancer: Balancer
    listener: Listener | None
    pool: Pool | None


def plan_load_balancer(gathering: Gathering, services: Ref, node_subnet: str) -> None:
    """The load balancer of the API: made whole, mended where it is ours, else used as it is."""
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
        gathering.problems.append(
            f"load balancer {spec.wanted.name} should have VIP {spec.vip} and has {balancer.vip}"
        )
        return
    parts = _parts(gathering, balancer)
    if not gathering.owns(balancer):
        _use(gathering, parts, members)
    elif because := _why_another(spec, parts):
        _replace(gathering, balancer, whole_tree(spec, services, members), because)
    else:
        _mend(gathering, parts, members)


def _parts(gathering: Gathering, balancer: Balancer) -> _Parts:
    spec, cloud = gathering.spec.load_balancer, gathering.cloud
    listeners = [it for it in known(cloud.listeners) if balancer.id in it.balancers]
    pools = [it for it in known(cloud.pools) if balancer.id in it.balancers]
    listener = next((it for it in listeners if it.port == HTTPS_PORT), None)
    default = listener.pool_id if listener is not None else ""
    pool = next((it for it in pools if it.id == default), None)
    # Where it was taken off its listener, it is known by the name that the runbook gave it.
    detached = next((it for it in pools if it.name == part_name(spec)), None)
    return _Parts(balancer, listener, pool or detached)


def _use(gathering: Gathering, parts: _Parts, members: list[Body]) -> None:
    """Somebody else's: it is as it should be, or that is a problem."""
    spec, name = gathering.spec.load_balancer, gathering.spec.load_balancer.wanted.name
    if parts.balancer.provisioning == "ERROR":
        gathering.problems.append(
            f"load balancer {name} is in ERROR, and the runbook did not make it: delete it, or "
            "name another in network.api_load_balancer"
        )
        return
    step = _kept_or_awaited(spec, parts.balancer)
    gathering.steps.append(replace(step, because=f"{step.because}{_impatience(spec, parts)}"))
    gathering.problems.extend(
        f"load balancer {name}, which the runbook did not make, should have {what}"
        for what in _misfits(gathering, parts, members)
    )
    if not gathering.problems and parts.pool is not None:
        gathering.steps.append(_members(gathering, parts.balancer, parts.pool, members))


def _impatience(spec: LoadBalancerSpec, parts: _Parts) -> str:
    """What is said of a listener that cuts watches.

    It is no misfit: pods reach the API, and clients begin a watch again.
    """
    silence = parts.listener.silence if parts.listener is not None else None
    if spec.timeout is None or silence is None or silence >= SHORTEST_WATCH:
        return ""
    return (
        f"; its listener cuts watches that are silent for {silence / 1000:g} s, and stays so, as "
        "the runbook did not make it"
    )


def _misfits(gathering: Gathering, parts: _Parts, members: list[Body]) -> Iterator[str]:
    """What an adopted one should have, and has not."""
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
    """Why ours has to be replaced, as it cannot be changed so; empty: it need not be."""
    balancer = parts.balancer
    if balancer.provisioning == "ERROR":
        return "Octavia says ERROR"
    if spec.provider is not None and balancer.provider != spec.provider:
        return f"provider {balancer.provider} has it, and the site names {spec.provider}"
    for what, item in (("listener", parts.listener), ("pool", parts.pool)):
        if item is not None and item.protocol != spec.protocol:
            return f"its {what} has protocol {item.protocol}, and should have {spec.protocol}"
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
            disturbs="pods do not reach the API meanwhile",
        )
    )


def _mend(gathering: Gathering, parts: _Parts, members: list[Body]) -> None:
    """Ours: what is gone is made again, and what was changed is changed back.

    One after the other: Octavia changes one thing of a load balancer at a time.
    """
    earlier: frozenset[Target] = frozenset()
    for step in _mending(gathering, parts, members):
        gathering.steps.append(replace(step, after=earlier))
        earlier = frozenset({step.target})


def _mending(gathering: Gathering, parts: _Parts, members: list[Body]) -> Iterator[Step]:
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
        yield from _mended(spec, listener, balancer, wanted)
        if pool is None:
            body = tree["default_pool"] | {"listener_id": listener.id}
            yield _made(gathering, balancer, "pool", body)
    if pool is not None:
        wanted = {"admin_state_up": (pool.admin_state_up, True)}
        wanted["lb_algorithm"] = (pool.algorithm, spec.algorithm)
        yield from _mended(spec, pool, balancer, wanted)
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
    """A listener or pool that is gone."""
    spec, marked = gathering.spec.load_balancer, gathering.marked(body)
    return Step(
        action=Action.CREATE,
        target=_part_target(kind, spec),
        because=f"load balancer {spec.wanted.name} has none for port {HTTPS_PORT}",
        body=BalancerPart(fields=marked, balancer_id=balancer.id),
        changes=field_changes(marked),
    )


def _mended(
    spec: LoadBalancerSpec, part: Listener | Pool, balancer: Balancer, wanted: Differences
) -> Iterator[Step]:
    """A listener or pool of which somebody changed a field; nothing when nobody did."""
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
    # One that was switched off or has no weight is there still: it gets both back.
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
"""Octavia's names for how long each side of a listener may be silent."""


def timeouts(spec: LoadBalancerSpec, listener: Listener) -> dict[str, tuple[object, object]]:
    """Those that a listener has and should have; nothing where provider or Octavia know none."""
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

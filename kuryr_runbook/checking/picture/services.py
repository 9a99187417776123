"""The Services of the topology with their load balancers, listeners and members."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kuryr_runbook.checking.picture.marks import (
    API,
    Marks,
    by_state,
    chosen,
    listed,
    natural,
)
from kuryr_runbook.checking.picture.networks import blind, blind_box
from kuryr_runbook.checking.verdicts import CouldNotLook, service_victim
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.addressing import api_service_address
from kuryr_runbook.model.findings import Victim
from kuryr_runbook.model.topology import Box, Line, Mark, summed
from kuryr_runbook.model.wording import counted
from kuryr_runbook.snapshots.cloud.resources import Balancer, Listener, Member
from kuryr_runbook.snapshots.cluster.objects import Service

SHOWN = 6
"""Services that are shown individually."""
LISTENERS_SHOWN = 4
MEMBERS_SHOWN = 8
"""Members of a load balancer that are shown individually."""


@dataclass(frozen=True, slots=True)
class _Served:
    """A Service and its load balancer; at least one of the two exists."""

    name: str
    service: Service | None
    balancer: Balancer | None
    marks: tuple[Mark, ...]
    is_api: bool


def service_boxes(look: Look, marks: Marks) -> tuple[Box, ...]:
    """The API, every Service and every load balancer, or a few of them and counts."""
    try:
        served = list(_served(look, marks))
    except CouldNotLook as reason:
        return (blind_box("services", marks, reason),)
    shown, troubled, well = chosen(served, SHOWN, lambda it: it.marks)
    boxes = [_box(look, marks, it) for it in shown]
    if troubled:
        boxes.append(_summary(look, troubled, "more with findings"))
    if well:
        boxes.append(_summary(look, well, "without findings"))
    return tuple(boxes)


def _served(look: Look, marks: Marks) -> Iterator[_Served]:
    """The API's first, load balancers without a Service last; only Services that need one."""
    vip = str(api_service_address(look.site.kubernetes.service_cidr))
    taken: set[str] = set()

    def with_marks(about: Victim | None, service: Service | None, lb: Balancer | None) -> _Served:
        places = [] if about is None else [about]
        places += [Victim("load balancer", lb.name)] if lb else []
        name = about.place if about else lb.name if lb else ""
        return _Served(name, service, lb, marks.at(*places), about == API)

    api = look.balancers_at.get(vip, [])
    taken.update(it.id for it in api[:1])
    yield with_marks(API, None, next(iter(api), None))
    kuryrs = {str(it) for it in look.services}
    for service in sorted(look.all_services, key=lambda it: natural(it.place)):
        lb = look.balancer(service)
        served = with_marks(service_victim(service), service, lb)
        if lb or served.marks or str(service) in kuryrs:
            taken.update([lb.id] if lb else [])
            yield served
    for lb in sorted(look.balancers, key=lambda it: natural(it.name)):
        if lb.id not in taken:
            yield with_marks(None, None, lb)


def _box(look: Look, marks: Marks, served: _Served) -> Box:
    service, lb, is_api = served.service, served.balancer, served.is_api
    lines = []
    if lb is None:
        why = f"type {service.type}" if service else ""
        lines.append(Line(text="no load balancer", end=why))
    else:
        lines.append(Line(text=f"VIP {lb.vip or 'none'}", end=lb.provisioning, hint=lb.name))
        if service is None and not is_api:
            lines.append(Line(text="of no Service that Kuryr serves"))
    if service is not None and service.ingress:
        lines.append(Line(text="from outside", end=service.ingress))
    if lb is not None:
        try:
            lines += _tree(look, lb)
        except CouldNotLook as reason:
            lines.append(blind("listeners", marks, reason))
    what = "service" if service or is_api else "load balancer"
    return Box(what=what, name=served.name, lines=tuple(lines), marks=served.marks)


def _tree(look: Look, lb: Balancer) -> Iterator[Line]:
    listeners = look.listeners_of(lb)
    lists = [look.members(it) for it in listeners]
    by_name = sum(len(it or ()) for it in lists) <= MEMBERS_SHOWN
    if not listeners:
        yield Line(text="no listener")
    pairs = list(zip(listeners, lists, strict=True))
    for listener, members in pairs[:LISTENERS_SHOWN]:
        yield _listener(listener, members)
        yield from map(_member, members or ()) if by_name else _states(members or ())
    if len(pairs) > LISTENERS_SHOWN:
        yield Line(text=counted(len(pairs) - LISTENERS_SHOWN, "more listener"))


def _listener(listener: Listener, members: Sequence[Member] | None) -> Line:
    state = "" if listener.provisioning == "ACTIVE" else f" {listener.provisioning}"
    behind = "no pool" if members is None else counted(len(members), "member")
    return Line(text=f"{listener.protocol} {listener.port}{state}", end=behind, hint="listener")


def _member(member: Member) -> Line:
    at = f"{member.address}:{member.port}"
    return Line(text=member.name or at, end=member.operating, depth=1, hint=f"member {at}")


def _states(members: Iterable[Member], depth: int = 1) -> Iterator[Line]:
    for state, here in by_state(members, lambda it: it.operating or "without a state"):
        yield Line(text=f"members {state}", end=f"{len(here):,}", depth=depth)


def _summary(look: Look, served: Sequence[_Served], how: str) -> Box:
    """A box that sums up several."""
    lines = [listed([it.name for it in served])]
    for state, here in by_state(served, _balancer_state):
        lines.append(Line(text=state, end=f"{len(here):,}"))
    try:
        found = [
            member
            for it in served
            if it.balancer
            for listener in look.listeners_of(it.balancer)
            for member in look.members(listener) or ()
        ]
    except CouldNotLook:
        found = []
    return Box(
        what="services",
        name=f"{len(served):,} {how}",
        lines=(*lines, *_states(found, 0)),
        marks=summed(it.marks for it in served),
    )


def _balancer_state(served: _Served) -> str:
    if served.balancer is None:
        return "no load balancer"
    return f"load balancer {served.balancer.provisioning or 'without a state'}"

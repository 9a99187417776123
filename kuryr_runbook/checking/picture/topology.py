"""The topology of a site, from a snapshot of diagnosis and the findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized

from kuryr_runbook.checking.picture.marks import Marks, chosen
from kuryr_runbook.checking.picture.networks import (
    blind,
    external_box,
    router_box,
    subnet_boxes,
)
from kuryr_runbook.checking.picture.nodes import living, node_boxes
from kuryr_runbook.checking.picture.services import service_boxes
from kuryr_runbook.checking.verdicts import CouldNotLook, readable
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.findings import Finding, Region, Victim
from kuryr_runbook.model.topology import Box, Line, Topology
from kuryr_runbook.model.wording import counted
from kuryr_runbook.snapshots.cloud.quotas import Quota
from kuryr_runbook.snapshots.cluster.programs import ProgramPod

QUOTAS_SHOWN = 3
QUOTA_NAMES = {
    "floatingip": "floating IPs",
    "loadbalancer": "load balancers",
    "rbac_policy": "RBAC policies",
}
"""Names of what quotas limit, where the API's is not a word."""


def topology_of(look: Look, findings: Iterable[Finding]) -> Topology:
    """All parts, with the findings marked on their victims and on their check's place."""
    marks = Marks(look, findings)
    external, router = external_box(look, marks), router_box(look, marks)
    programs, project = _programs(look, marks), _project(look, marks)
    subnets, nodes = subnet_boxes(look, marks), node_boxes(look, marks)
    services = service_boxes(look, marks)
    return Topology(
        site=look.site.name,
        facts=", ".join(_facts(look)),
        marks=marks.elsewhere,
        external=external,
        router=router,
        programs=programs,
        project=project,
        subnets=subnets,
        nodes=nodes,
        services=services,
        notes=marks.notes,
    )


def _facts(look: Look) -> Iterator[str]:
    """Counts of what could be read."""
    counts: dict[str, Callable[[], Sized]] = {
        "node": lambda: look.nodes,
        "pod": lambda: look.all_pods and living(look),
        "service": lambda: look.all_services,
        "load balancer": lambda: look.balancers,
        "Neutron port": lambda: look.ports,
    }
    for what, see in counts.items():
        try:
            yield counted(len(see()), what)
        except CouldNotLook:
            yield f"{what}s not known"


def _programs(look: Look, marks: Marks) -> Box:
    """Kuryr's own programs."""
    seen = marks.at(Region.PROGRAMS)
    kuryr = look.site.kuryr
    lines = [marks.line("Kubernetes", lambda: look.version)]
    try:
        programs = look.programs
    except CouldNotLook as reason:
        lines.append(blind("controller, daemons", marks, reason))
    else:
        wanted = programs.replicas
        deployed = "not deployed" if wanted is None else f"{wanted} wanted"
        controllers = _ready(programs.controllers)
        lines.append(Line(text="controller", end=f"{deployed}, {controllers}"))
        daemons = _ready(programs.daemons) if programs.daemon_set else "not deployed"
        lines.append(Line(text="daemons", end=daemons))
    name = f"{kuryr.release}, {kuryr.vif_driver}"
    return Box(what="Kuryr", name=name, lines=tuple(lines), marks=seen)


def _ready(pods: tuple[ProgramPod, ...]) -> str:
    return f"{sum(pod.ready for pod in pods):,} of {len(pods):,} ready"


def _project(look: Look, marks: Marks) -> Box:
    """The project's quotas that are closest to being used up."""
    seen = marks.at(Region.PROJECT)
    lines: list[Line] = []
    found: dict[str, Quota] = {}
    for quotas in (look.cloud.quotas, look.cloud.balancer_quotas):
        try:
            found |= readable(quotas)
        except CouldNotLook as reason:
            lines.append(blind("quotas", marks, reason))
    lines += _quotas(found, marks)
    return Box(what="project", name="quotas", lines=tuple(lines), marks=seen)


def _quotas(found: Mapping[str, Quota], marks: Marks) -> Iterator[Line]:
    limited = [kind for kind, quota in found.items() if quota.limit >= 0]
    limited.sort(key=lambda kind: -found[kind].used / max(found[kind].limit, 1))
    shown, more, rest = chosen(limited, QUOTAS_SHOWN, lambda kind: marks.at(_victim(kind)))
    # Most projects have dozens of quotas for what nobody uses there.
    telling = [it for it in (*shown, *more, *rest) if found[it].used or marks.at(_victim(it))]
    for kind in telling[:QUOTAS_SHOWN]:
        yield Line(
            text=QUOTA_NAMES.get(kind, f"{kind.replace('_', ' ')}s"),
            end=_usage(found[kind]),
            marks=marks.at(_victim(kind)),
        )
    if not telling:
        yield Line(text="none is in use" if limited else "no limits" if found else "not known")


def _victim(kind: str) -> Victim:
    return Victim("quota", kind)


def _usage(quota: Quota) -> str:
    """How much is used; near its end, how many are left."""
    used = f"{quota.used:,} of {quota.limit:,}"
    return f"{used}, {quota.free:,} left" if quota.is_nearly_used_up else used

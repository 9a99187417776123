"""How the runbook can take over a Kuryr that somebody else installed, and how to go back.

There is never more than one controller and one daemon: the others' go first. The phases do the
rest, as on a cluster without Kuryr; what exists is used, and keeps its owner.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kuryr_runbook.planning.audit import OPENSHIFT, enforces_policies
from kuryr_runbook.snapshots.cluster.found_kuryr import FoundKuryr, FoundProgram
from kuryr_runbook.specs.controller import CONFIG_SECRET, CONTROLLER
from kuryr_runbook.specs.daemon import DAEMON, DAEMON_CONFIG

FILE = "FILE"
"""Stands for the site file in commands."""
UPDATED = frozenset({f"Secret {CONFIG_SECRET}", f"ConfigMap {DAEMON_CONFIG}"})
"""Configuration that the phases replace, if it is in the site's namespace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One step of a take-over."""

    what: str
    commands: tuple[str, ...]
    notice: str
    """What it does, and what pods notice."""


def refusal(kuryr: FoundKuryr) -> str:
    """Why it cannot be taken over, or need not be; empty: it can."""
    if kuryr.site:
        return f"it is the runbook's own, of site {kuryr.site}: there is nothing to take over"
    if kuryr.namespace == OPENSHIFT:
        return (
            "the operator puts back what is removed or changed, and nodes, DNS and the operator's "
            "own status depend on it: it stays OpenShift's, and the runbook can only look"
        )
    return ""


def moves(kuryr: FoundKuryr) -> tuple[Move, ...]:
    """The order of a take-over; empty if there is none."""
    return () if refusal(kuryr) else tuple(_moves(kuryr))


def _moves(kuryr: FoundKuryr) -> Iterator[Move]:
    yield Move(
        what="read the plan",
        commands=(f"kuryr-runbook plan --site {FILE}",),
        notice="changes nothing. Leave kuryr.release at what is installed: an upgrade is a run of "
        "its own, afterwards. Subnets, groups and router that exist are used and keep their "
        "owner: teardown leaves them",
    )
    yield Move(
        what="prepare image and networks",
        commands=(f"kuryr-runbook run --site {FILE} --only image_build --only openstack_prep",),
        notice="the installed Kuryr goes on; nothing that it uses is removed",
    )
    yield Move(
        what="save what will be removed or replaced",
        commands=("umask 077", *map(_saved, kuryr.configurations), *map(_saved, kuryr.programs)),
        notice="the files may contain the login: keep them like a password, and delete them when "
        "there is no way back any more",
    )
    yield Move(
        what="remove its controller and its daemon",
        commands=tuple(_deleted(it) for it in _in_order(kuryr.programs)),
        notice="pods and Services that exist keep working: their state stays in the cluster. From "
        "now on no pod starts or ends, and no Service changes, until the next step is done",
    )
    yield Move(
        what="run all phases",
        commands=(f"kuryr-runbook run --site {FILE}",),
        notice="controller and daemon become the runbook's; preflight refuses as long as one of "
        "the others' is left. Pods that wait are plugged",
    )
    old = [it for it in kuryr.configurations if not _is_updated(it, kuryr.namespace)]
    if old:
        yield Move(
            what="remove its old configuration",
            commands=tuple(map(_deleted_object, old)),
            notice="nothing reads it any more, and it may contain a login",
        )
    home = kuryr.namespace
    yield Move(
        what="or go back",
        commands=(
            f"kubectl -n {home} delete deployment {CONTROLLER}",
            f"kubectl -n {home} delete daemonset {DAEMON}",
            *map(_restored, kuryr.configurations),
            *map(_restored, kuryr.programs),
        ),
        notice="as long as both are of the same release: each then finds the other's state of pods "
        "and load balancers. What phase 02 added stays, and harms nothing",
    )


def losses(kuryr: FoundKuryr) -> Iterator[str]:
    """What the installed Kuryr does, by its options, that the runbook's would not."""
    options = kuryr.options
    if enforces_policies(kuryr):
        yield (
            "network policies are enforced now: without kuryr.network_policies in the site file "
            "new pods get the site's group alone, and the groups of policies stay as they are"
        )
    if options.get("kubernetes.pod_subnets_driver", "default") == "namespace":
        yield (
            "namespaces have subnets of their own now: without network.namespace_subnets in the "
            "site file new pods share one subnet, and networks of deleted namespaces stay"
        )
    pool = options.get("kubernetes.vif_pool_driver", "noop")
    if pool != "noop":
        yield (
            f"ports are made in advance now (vif_pool_driver {pool}): without kuryr.port_pool in "
            "the site file those that no pod uses stay in Neutron, and count against the quota"
        )
    if options.get("kubernetes.multi_vif_drivers", "noop") != "noop":
        yield "pods get further networks now (multi_vif_drivers), and new ones would not"
    if options.get("kubernetes.controller_ha", "false").lower() == "true":
        yield "several controllers share the work now (controller_ha), and there would be one"
    if options.get("kubernetes.pod_security_groups_driver", "default") == "namespace":
        yield "namespaces have groups of their own now: new pods would get the site's group alone"


def _in_order(programs: tuple[FoundProgram, ...]) -> list[FoundProgram]:
    """The controller first: it makes nothing that no daemon would plug."""
    return sorted(programs, key=lambda it: it.part)


def _deleted(program: FoundProgram) -> str:
    return f"kubectl -n {program.namespace} delete {program.kind.lower()} {program.name}"


def _deleted_object(whose: str) -> str:
    kind, home, name = _names(whose)
    return f"kubectl -n {home} delete {kind.lower()} {name}"


def _saved(whose: FoundProgram | str) -> str:
    kind, home, name = _names(str(whose))
    return f"kubectl -n {home} get {kind.lower()} {name} -o yaml > {_file(whose)}"


def _restored(whose: FoundProgram | str) -> str:
    # Unlike `create`, it accepts what `get` printed, whether or not the object is there.
    return f"kubectl replace --force -f {_file(whose)}"


def _file(whose: FoundProgram | str) -> str:
    kind, _, name = _names(str(whose))
    return f"{kind.lower()}-{name}.yaml"


def _names(whose: str) -> tuple[str, str, str]:
    kind, _, place = whose.partition(" ")
    home, _, name = place.partition("/")
    return kind, home, name


def _is_updated(whose: str, home: str) -> bool:
    kind, place, name = _names(whose)
    return place == home and f"{kind} {name}" in UPDATED

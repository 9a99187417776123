"""A Kuryr that is installed already, whoever did it: its programs, and what they are told to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.upgrades import RELEASE_LABEL
from kuryr_runbook.snapshots.cluster.deployed import (
    SETS,
    lone_program,
    mounted_texts,
    part_of_kuryr,
    program_of,
)
from kuryr_runbook.snapshots.cluster.objects import reference
from kuryr_runbook.snapshots.parsing import part, parts, text
from kuryr_runbook.specs.controller import CREDENTIAL_ANNOTATION
from kuryr_runbook.specs.kuryr_conf import parse_conf
from kuryr_runbook.specs.manifests import INSTANCE, MANAGED_BY, PULL_SECRET, RUNBOOK

OPTIONS = {
    "DEFAULT": ("debug",),
    "binding": ("link_iface",),
    "cni_daemon": ("vif_annotation_timeout",),
    "kubernetes": (
        "enabled_handlers",
        "endpoints_driver_octavia_provider",
        "pod_vif_driver",
        "watch_retry_timeout",
    ),
    "neutron_defaults": (
        "external_svc_net",
        "external_svc_subnet",
        "lbaas_activation_timeout",
        "pod_security_groups",
        "pod_subnet",
        "project",
        "resource_tags",
        "service_subnet",
    ),
    "octavia_defaults": ("timeout_client_data",),
    "pod_vif_nested": ("worker_nodes_subnet", "worker_nodes_subnets"),
}
"""The options that say something for a site file; none of the others is kept, since they may be
secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundKuryr:
    """Kuryr's programs in a cluster, and their configuration."""

    programs: tuple[str, ...]
    """For people: `Deployment kube-system/kuryr-controller`."""
    namespace: str
    site: str
    """The site that the runbook installed it for; empty: somebody else installed it."""
    release: str
    """What the runbook's label says; empty: there is none."""
    images: tuple[str, ...]
    has_login: bool
    """Whether there is a Secret of the runbook with the registry's login."""
    has_credential: bool
    """Whether it has an application credential of the runbook."""
    options: Mapping[str, str]
    """By `section.option`: those in OPTIONS that are set."""


def read_found_kuryr(cluster: KubernetesReader) -> FoundKuryr | None:
    """Kuryr's programs, with what is in the files that they mount; None: there are none."""
    sets = [item for kind in SETS for item in cluster.list_objects("apps/v1", kind)]
    items = [item for item in sets if part_of_kuryr(program_of(item))]
    # Some installations start the controller as a pod of its own.
    items = items or [pod for pod in cluster.list_objects("v1", "Pod") if _is_kuryrs(pod)]
    if not items:
        return None
    files = [conf for item in items for conf in mounted_texts(cluster, item)]
    labels = [part(item, "metadata", "labels") for item in items]
    notes = [part(item, "spec", "template", "metadata", "annotations") for item in items]
    programs = [program_of(item) for item in items]
    return FoundKuryr(
        programs=tuple(map(str, programs)),
        namespace=programs[0].namespace,
        site=_first(text(it, INSTANCE) for it in labels if it.get(MANAGED_BY) == RUNBOOK),
        release=_first(text(it, RELEASE_LABEL) for it in labels),
        images=tuple(dict.fromkeys(image for item in items for image in _images(item))),
        has_login=cluster.get(reference("Secret", PULL_SECRET, programs[0].namespace)) is not None,
        has_credential=any(CREDENTIAL_ANNOTATION in it for it in notes),
        options=found_options(files),
    )


def found_options(files: Iterable[str]) -> dict[str, str]:
    """The options that say something, from files of which some are a kuryr.conf."""
    found: dict[str, str] = {}
    for sections in map(parse_conf, files):
        for section, names in OPTIONS.items():
            given = sections.get(section, {})
            found |= {f"{section}.{name}": given[name] for name in names if given.get(name)}
    return found


def _is_kuryrs(pod: Manifest) -> bool:
    program = lone_program(pod)
    return program is not None and bool(part_of_kuryr(program))


def _images(item: Manifest) -> list[str]:
    spec = part(item, "spec", "template", "spec") or part(item, "spec")
    return [name for it in parts(spec, "containers") if (name := text(it, "image"))]


def _first(values: Iterable[str]) -> str:
    return next(filter(None, values), "")

"""A Kuryr that is installed already, whoever did it: its programs, and what they are told to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kuryr_runbook.clients.kubernetes.api import KubernetesReader
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.releases.names import API_GROUP
from kuryr_runbook.model.upgrades import RELEASE_LABEL
from kuryr_runbook.snapshots.cluster.deployed import (
    SETS,
    Mounted,
    lone_program,
    mounted_files,
    part_of_kuryr,
    program_of,
)
from kuryr_runbook.snapshots.cluster.objects import name_of, namespace_of, reference
from kuryr_runbook.snapshots.parsing import part, parts, text
from kuryr_runbook.snapshots.reading import Unreadable, attempted
from kuryr_runbook.specs.controller import CREDENTIAL_ANNOTATION
from kuryr_runbook.specs.kuryr_conf import LOGIN, Conf, parse_conf
from kuryr_runbook.specs.manifests import INSTANCE, MANAGED_BY, PULL_SECRET, RUNBOOK

OPTIONS = {
    "DEFAULT": ("debug",),
    "binding": ("link_iface",),
    "cni_daemon": ("vif_annotation_timeout",),
    "kubernetes": (
        "additional_ifname_prefix",
        "controller_ha",
        "enabled_handlers",
        "endpoints_driver_octavia_provider",
        "multi_vif_drivers",
        "nodes_subnets_driver",
        "pod_security_groups_driver",
        "pod_subnets_driver",
        "pod_vif_driver",
        "use_events",
        "vif_pool_driver",
        "watch_connection_timeout",
        "watch_read_timeout",
        "watch_reconcile_period",
        "watch_retry_timeout",
    ),
    "namespace_subnet": ("pod_router", "pod_subnet_pool"),
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
    "octavia_defaults": (
        "enforce_sg_rules",
        "lb_algorithm",
        "timeout_client_data",
        "timeout_member_data",
    ),
    "pod_vif_nested": ("worker_nodes_subnet", "worker_nodes_subnets"),
}
"""The options that say something for a site file, or about the release; none of the others is
kept, since they may be secrets."""
CREDENTIAL_KEYS = ("application_credential_id", "application_credential_name")
APPLICATION_CREDENTIAL, PASSWORD, TOKEN = "application credential", "user's password", "token"
ANOTHER_LOGIN = "login of another kind"
KIND_OF_LOGIN = {
    "v3applicationcredential": APPLICATION_CREDENTIAL,
    "password": PASSWORD,
    "v3password": PASSWORD,
    "v2password": PASSWORD,
    "token": TOKEN,
    "v3token": TOKEN,
}
"""By keystoneauth's names of its plugins."""
_GROUP = f".{API_GROUP}"
DEFINITIONS = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundProgram:
    """A part of Kuryr: something that runs in the cluster."""

    part: str
    """controller or daemon."""
    kind: str
    namespace: str
    name: str
    images: tuple[str, ...]
    selector: str
    """The labels of its pods, as a selector; empty: it is a pod itself."""
    container: str
    """The first of its containers."""
    is_ours: bool
    """Whether it has the runbook's mark."""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLogin:
    """How Kuryr logs in to OpenStack, without anything that a login needs."""

    kind: str
    where: str
    """The object with it: `Secret kube-system/kuryr-config`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundKuryr:
    """Kuryr's programs in a cluster, and their configuration."""

    programs: tuple[FoundProgram, ...]
    site: str
    """The site that the runbook installed it for; empty: somebody else installed it."""
    release: str
    """What the runbook's label says; empty: there is none."""
    has_login: bool
    """Whether there is a Secret of the runbook with the registry's login."""
    has_credential: bool
    """Whether it has an application credential of the runbook."""
    options: Mapping[str, str]
    """By `section.option`: those in OPTIONS that are set."""
    logins: tuple[FoundLogin, ...] = ()
    configurations: tuple[str, ...] = ()
    """The Secrets and ConfigMaps with a kuryr.conf."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """Those that its programs mount and that could not be read, with the reason."""
    definitions: tuple[str, ...] | Unreadable = ()
    """The names of Kuryr's custom resource definitions."""

    @property
    def is_configuration_known(self) -> bool:
        """Whether all of what its programs mount was read, with a kuryr.conf in it."""
        return bool(self.configurations) and not self.unread

    @property
    def namespace(self) -> str:
        """Where it is: the namespace of its first program."""
        return self.programs[0].namespace

    @property
    def images(self) -> tuple[str, ...]:
        """Those of all its programs, without repetitions."""
        return tuple(dict.fromkeys(image for it in self.programs for image in it.images))


def read_found_kuryr(cluster: KubernetesReader) -> FoundKuryr | None:
    """Kuryr's programs, with what is in the files that they mount; None: there are none."""
    sets = [item for kind in SETS for item in cluster.list_objects("apps/v1", kind)]
    items = [item for item in sets if part_of_kuryr(program_of(item))]
    # Some installations start the controller as a pod of its own.
    items += [pod for pod in cluster.list_objects("v1", "Pod") if _is_kuryrs(pod)]
    if not items:
        return None
    mounted = {file.place: file for item in items for file in mounted_files(cluster, item)}
    confs = {place: parse_conf(file.text) for place, file in mounted.items()}
    labels = [part(item, "metadata", "labels") for item in items]
    notes = [part(item, "spec", "template", "metadata", "annotations") for item in items]
    home = namespace_of(items[0])
    return FoundKuryr(
        programs=tuple(map(_found, items)),
        site=_first(text(it, INSTANCE) for it in labels if _is_marked(it)),
        release=_first(text(it, RELEASE_LABEL) for it in labels),
        has_login=_has(cluster, PULL_SECRET, home),
        has_credential=any(CREDENTIAL_ANNOTATION in it for it in notes),
        options=found_options(confs.values()),
        logins=tuple(found_logins(mounted, confs)),
        configurations=tuple(
            dict.fromkeys(mounted[place].whose for place, conf in confs.items() if _says(conf))
        ),
        unread={file.whose: file.unread for file in mounted.values() if file.unread},
        definitions=attempted(lambda: read_definitions(cluster)),
    )


def read_definitions(cluster: KubernetesReader) -> tuple[str, ...]:
    """The names of Kuryr's custom resource definitions, without those of others in its group."""
    names = map(name_of, cluster.list_objects(*DEFINITIONS))
    return tuple(sorted(it for it in names if it.startswith("kuryr") and it.endswith(_GROUP)))


def found_options(confs: Iterable[Conf]) -> dict[str, str]:
    """The options that say something, from files of which some are a kuryr.conf."""
    found: dict[str, str] = {}
    for sections in confs:
        for section, names in OPTIONS.items():
            given = sections.get(section, {})
            found |= {f"{section}.{name}": given[name] for name in names if given.get(name)}
    return found


def found_logins(mounted: Mapping[str, Mounted], confs: Mapping[str, Conf]) -> list[FoundLogin]:
    """The logins in these files, by their kind alone."""
    kinds = [(mounted[place].whose, login_kind(conf)) for place, conf in confs.items()]
    found = [FoundLogin(kind=kind, where=whose) for whose, kind in kinds if kind]
    return list(dict.fromkeys(found))


def login_kind(conf: Conf) -> str:
    """How a kuryr.conf logs in; empty: it has no login. Its values are never part of the answer."""
    neutron = conf.get(LOGIN, {})
    # keystoneauth's options may be in another section, which `auth_section` names.
    given = neutron | conf.get(neutron.get("auth_section", ""), {})
    plugin = given.get("auth_type", "")
    if plugin:
        return KIND_OF_LOGIN.get(plugin, ANOTHER_LOGIN)
    if any(given.get(key) for key in CREDENTIAL_KEYS):
        return APPLICATION_CREDENTIAL
    return PASSWORD if given.get("password") else ""


def _has(cluster: KubernetesReader, secret: str, home: str) -> bool:
    """Whether there is a Secret of that name; not if it may not be read: it is the runbook's."""
    found = attempted(lambda: cluster.get(reference("Secret", secret, home)))
    return found is not None and not isinstance(found, Unreadable)


def _says(conf: Conf) -> bool:
    return bool(found_options([conf]) or login_kind(conf))


def _found(item: Manifest) -> FoundProgram:
    spec = part(item, "spec", "template", "spec") or part(item, "spec")
    containers = parts(spec, "containers")
    chosen = part(item, "spec", "selector", "matchLabels")
    chosen = chosen or part(item, "spec", "template", "metadata", "labels")
    program = program_of(item)
    return FoundProgram(
        part=part_of_kuryr(program),
        kind=program.kind,
        namespace=program.namespace,
        name=program.name,
        images=tuple(name for it in containers if (name := text(it, "image"))),
        selector=",".join(f"{key}={value}" for key, value in sorted(chosen.items())),
        container=text(containers[0], "name") if containers else "",
        is_ours=_is_marked(part(item, "metadata", "labels")),
    )


def _is_marked(labels: Mapping[str, str]) -> bool:
    return labels.get(MANAGED_BY) == RUNBOOK


def _is_kuryrs(pod: Manifest) -> bool:
    program = lone_program(pod)
    return program is not None and bool(part_of_kuryr(program))


def _first(values: Iterable[str]) -> str:
    return next(filter(None, values), "")

"""What an installed Kuryr says for a site file: release, driver, ranges, groups.

Its ids are looked up in the cloud, since names tell people more. What a site file cannot express,
such as several groups of pods, stays blank.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.providers import OctaviaProvider
from kuryr_runbook.model.releases import RELEASES, Release
from kuryr_runbook.model.releases.traits import (
    fits_definitions,
    has_handlers,
    has_options,
    has_vif_driver,
)
from kuryr_runbook.model.site import KuryrSection
from kuryr_runbook.model.site_values import is_id
from kuryr_runbook.planning.draft_keys import DraftKey, unknown
from kuryr_runbook.planning.draft_names import named
from kuryr_runbook.snapshots.cloud.lookup import Named
from kuryr_runbook.snapshots.cloud.resources import Subnet
from kuryr_runbook.snapshots.cloud.state import CloudState
from kuryr_runbook.snapshots.cluster.found_kuryr import FoundKuryr
from kuryr_runbook.snapshots.reading import Unreadable, known
from kuryr_runbook.specs.image import Reference

HOME = "kube-system"
"""The default namespace of a site."""
OF_KURYR = "the installed Kuryr"
TIMES = {
    "neutron_defaults.lbaas_activation_timeout": (
        "lb_activation_seconds",
        range(30, 3601),
        False,
    ),
    "octavia_defaults.timeout_client_data": ("lb_idle_seconds", range(1, 86401), True),
    "cni_daemon.vif_annotation_timeout": ("pod_plug_seconds", range(10, 3601), False),
    "kubernetes.watch_retry_timeout": ("watch_retry_seconds", range(10, 86401), False),
}
"""Option to the key of the site's section `kuryr`, what it may be, and whether the option is in
milliseconds."""


def kuryr_keys(kuryr: FoundKuryr, cloud: CloudState | None) -> Iterator[DraftKey]:
    """The keys that an installed Kuryr determines; without a cloud, its ids are not looked up."""
    if kuryr.site:
        because = f"the marks on {kuryr.programs[0]}"
        yield DraftKey(key="name", value=kuryr.site, because=because)
    if kuryr.namespace != HOME:
        because = f"{kuryr.programs[0]} is there"
        yield DraftKey(key="kubernetes.namespace", value=kuryr.namespace, because=because)
    yield _release(kuryr)
    yield from _settings(kuryr.options)
    if "kubernetes.pod_vif_driver" not in kuryr.options:
        yield _default_driver(kuryr)
    if cloud is not None:
        yield from _network(kuryr.options, cloud)
    if kuryr.site:
        yield from _of_the_runbook(kuryr)


def _said(key: str, value: str | int | tuple[str, ...], option: str) -> DraftKey:
    return DraftKey(key=key, value=value, because=f"{option} of {OF_KURYR}")


def _release(kuryr: FoundKuryr) -> DraftKey:
    key = "kuryr.release"
    if kuryr.release in RELEASES:
        because = f"the label on {kuryr.programs[0]}"
        return DraftKey(key=key, value=kuryr.release, because=because)
    for image in kuryr.images:
        tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
        for release in RELEASES.values():
            if tag.removeprefix("stable-") in (release.name, release.version):
                return DraftKey(key=key, value=release.name, because=f"the tag of {image}")
    fitting = fitting_releases(kuryr)
    if len(fitting) == 1:
        because = f"the only one with the options of {OF_KURYR}"
        return DraftKey(key=key, value=fitting[0], because=because)
    some = f"its options fit {', '.join(fitting)}" if fitting else "no release has its options"
    return unknown(key, f"neither a label nor the tag of an image says it; {some}")


def fitting_releases(kuryr: FoundKuryr) -> list[str]:
    """The releases that know its options, handlers and definitions."""
    definitions = () if isinstance(kuryr.definitions, Unreadable) else kuryr.definitions
    return [
        it.name
        for it in RELEASES.values()
        if fits(it, kuryr.options) and (not definitions or fits_definitions(it, definitions))
    ]


def fits(release: Release, options: Mapping[str, str]) -> bool:
    """Whether a release knows the options that are set, and the names in them."""
    handlers = names_in(options.get("kubernetes.enabled_handlers", ""))
    # Handlers of both worlds: those of later releases read custom resources.
    has_resources = "kuryrport" in handlers
    subnet_option = next((it for it in options if it.startswith("pod_vif_nested.")), "")
    return (
        (not handlers or has_resources == bool(release.crds))
        and has_handlers(release, handlers)
        and has_vif_driver(release, options.get("kubernetes.pod_vif_driver", ""))
        and has_options(release, options)
        and subnet_option in ("", f"pod_vif_nested.{release.worker_subnet_option}")
        and (
            "kubernetes.endpoints_driver_octavia_provider" not in options
            or "lb_algorithm" in release.octavia_options
        )
    )


def names_in(value: str) -> tuple[str, ...]:
    """The names in the value of an option that is a list."""
    return tuple(name for part in value.split(",") if (name := part.strip()))


def _settings(options: Mapping[str, str]) -> Iterator[DraftKey]:
    """What the site's section `kuryr` has keys for."""
    if name := options.get("kubernetes.pod_vif_driver"):
        yield _driver(name)
    if name := options.get("binding.link_iface"):
        yield _said("kuryr.link_iface", name, "[binding] link_iface")
    provider = options.get("kubernetes.endpoints_driver_octavia_provider", "")
    if provider in list(OctaviaProvider):
        option = "[kubernetes] endpoints_driver_octavia_provider"
        yield _said("kuryr.octavia_provider", provider, option)
    if options.get("kubernetes.pod_security_groups_driver") == "policy":
        option = "[kubernetes] pod_security_groups_driver"
        yield _said("kuryr.network_policies", value=True, option=option)
    if tags := options.get("neutron_defaults.resource_tags"):
        yield _said("kuryr.resource_tags", names_in(tags), "[neutron_defaults] resource_tags")
    if options.get("DEFAULT.debug", "").lower() == "true":
        yield _said("kuryr.log_level", "debug", "[DEFAULT] debug")
    for option, (key, fitting, in_ms) in TIMES.items():
        value = options.get(option, "")
        seconds = int(value) // (1000 if in_ms else 1) if re.fullmatch("[0-9]{1,9}", value) else 0
        usual = KuryrSection.model_fields[key].default
        # OVN has no idle timeouts, and a site for it may not name any.
        if seconds in fitting and seconds != usual and not (in_ms and provider == "ovn"):
            section, _, name = option.partition(".")
            yield _said(f"kuryr.{key}", seconds, f"[{section}] {name}")


def _default_driver(kuryr: FoundKuryr) -> DraftKey:
    """Kuryr's own default, if all of its configuration was read."""
    key = "kuryr.vif_driver"
    if kuryr.is_configuration_known:
        because = f"[kubernetes] pod_vif_driver of {OF_KURYR} is not set"
        return DraftKey(key=key, value=str(VifDriver.NEUTRON_VIF), because=because)
    return unknown(key, f"the kuryr.conf of {OF_KURYR} could not be read")


def _driver(name: str) -> DraftKey:
    key = "kuryr.vif_driver"
    known_names = {str(driver): driver for driver in VifDriver} | {
        ours: driver
        for release in RELEASES.values()
        for driver, ours in release.vif_drivers.items()
    }
    if name in known_names:
        return _said(key, str(known_names[name]), "[kubernetes] pod_vif_driver")
    return unknown(key, f"{OF_KURYR} has {name}, which the runbook does not install")


def _network(options: Mapping[str, str], cloud: CloudState) -> Iterator[DraftKey]:
    """The resources that it names by their ids."""
    project = options.get("neutron_defaults.project", "")
    if project and project != cloud.project_id:
        yield _said("openstack.k8s_project_id", project, "[neutron_defaults] project")
    networks, subnets = known(cloud.networks), known(cloud.subnets)
    external = options.get("neutron_defaults.external_svc_net", "")
    yield from _by_id(
        "network.external_network", external, networks, "[neutron_defaults] external_svc_net"
    )
    if is_id(outside := options.get("neutron_defaults.external_svc_subnet", "")):
        yield _said("network.external_subnet_id", outside, "[neutron_defaults] external_svc_subnet")
    for name in ("worker_nodes_subnet", "worker_nodes_subnets"):
        nodes = options.get(f"pod_vif_nested.{name}", "").partition(",")[0]
        yield from _by_id("network.node_subnet", nodes, subnets, f"[pod_vif_nested] {name}")
    groups = options.get("neutron_defaults.pod_security_groups", "")
    if "," in groups:
        because = f"{OF_KURYR} sets several on pods, and the runbook only one: {groups}"
        yield unknown("network.pod_security_group", because)
    else:
        option = "[neutron_defaults] pod_security_groups"
        yield from _by_id("network.pod_security_group", groups, known(cloud.groups), option)
    yield from _pods(options.get("neutron_defaults.pod_subnet", ""), subnets)
    yield from _services(options.get("neutron_defaults.service_subnet", ""), cloud)
    if options.get("kubernetes.pod_subnets_driver") == "namespace":
        yield from _namespaces(options.get("namespace_subnet.pod_subnet_pool", ""), cloud)


def _by_id(key: str, resource_id: str, among: Iterable[Named], option: str) -> Iterator[DraftKey]:
    because = f"{option} of {OF_KURYR}"
    resource = next((it for it in among if it.id == resource_id), None)
    if resource is not None:
        yield named(key, resource, among, because)
    elif resource_id:
        yield DraftKey(key=key, value=resource_id, because=f"{because}; not visible here")


def _pods(subnet_id: str, subnets: tuple[Subnet, ...]) -> Iterator[DraftKey]:
    option = "[neutron_defaults] pod_subnet"
    yield from _by_id("network.pod_subnet.name", subnet_id, subnets, option)
    subnet = next((it for it in subnets if it.id == subnet_id), None)
    if subnet is None:
        if subnet_id:
            because = f"subnet {subnet_id} of {OF_KURYR} is not visible"
            yield unknown("network.pod_subnet.cidr", because)
        return
    yield _said("network.pod_subnet.cidr", subnet.cidr, option)
    if ":" not in subnet.cidr and subnet.gateway_ip not in ("", str(IPv4Network(subnet.cidr)[1])):
        yield _said("network.pod_subnet.gateway", subnet.gateway_ip, option)


def _services(subnet_id: str, cloud: CloudState) -> Iterator[DraftKey]:
    option, subnets = "[neutron_defaults] service_subnet", known(cloud.subnets)
    yield from _by_id("network.service_subnet.name", subnet_id, subnets, option)
    subnet = next((it for it in subnets if it.id == subnet_id), None)
    if subnet is None:
        return
    networks = known(cloud.networks)
    network = next((it for it in networks if it.id == subnet.network_id), None)
    if network is not None:
        yield named("network.service_subnet.network", network, networks, f"{option} is in it")
    yield _said("network.service_subnet.cidr", subnet.cidr, option)


def _namespaces(pool_id: str, cloud: CloudState) -> Iterator[DraftKey]:
    """A subnet for each namespace, from a pool."""
    section, option = "network.namespace_subnets", "[namespace_subnet] pod_subnet_pool"
    yield _said(f"{section}.enabled", value=True, option="[kubernetes] pod_subnets_driver")
    yield from _by_id(f"{section}.pool", pool_id, known(cloud.subnet_pools), option)
    pool = next((it for it in known(cloud.subnet_pools) if it.id == pool_id), None)
    if pool is None or len(pool.prefixes) != 1:
        because = f"subnet pool {pool_id} of {OF_KURYR} is not visible, or has several prefixes"
        yield unknown(f"{section}.cidr", because)
    else:
        yield _said(f"{section}.cidr", pool.prefixes[0], option)
        yield _said(f"{section}.prefix_length", pool.prefix_length, option)


def _of_the_runbook(kuryr: FoundKuryr) -> Iterator[DraftKey]:
    """What only the runbook's own installation says."""
    credentials = "application_credential" if kuryr.has_credential else "site"
    because = f"{kuryr.programs[0]} logs in like that"
    yield DraftKey(key="kuryr.credentials", value=credentials, because=because)
    if kuryr.has_login:
        because = "Kuryr is pulled with a login, which no API shows to others"
        yield unknown("image.registry_auth", because)
    for image in kuryr.images[:1]:
        found = Reference.parse(image)
        name = f"{found.registry}/{found.repository}"
        because = f"the image of {kuryr.programs[0]}"
        yield DraftKey(key="image.repository", value=name, because=because)

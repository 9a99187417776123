"""The catalogue of releases for people: what works with what, and all about one release."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from kuryr_runbook.display.tables import View, table
from kuryr_runbook.model import support, upgrades
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.providers import OctaviaProvider
from kuryr_runbook.model.releases import RELEASES, SOURCES, Hazard, Release, Rule

Row = tuple[str, str]


def releases_view(releases: Iterable[Release]) -> View:
    """One row per release: what it works with."""
    drivers = [driver.replace("-", "-\n") for driver in VifDriver]
    columns = ("release", "package", *drivers, "OVN", "Kubernetes")
    rows = [
        (
            release.name,
            release.version,
            *(_yes(driver in release.vif_drivers) for driver in VifDriver),
            _yes(_takes(release, OctaviaProvider.OVN)),
            f"{release.kubernetes_window}{' *' if release.needs_self_link else ''}",
        )
        for release in releases
    ]
    note = (
        "OVN: as Octavia's provider, with a driver other than nested-macvlan; amphora works with "
        "all.\n"
        "*: from 1.20 on only with the API server's feature gate RemoveSelfLink=false.\n"
        "`kuryr-runbook releases NAME` shows all about one, with its hazards, the sources, "
        "and the ways to the others."
    )
    return table("Kuryr's releases", columns, rows, note)


def release_view(release: Release) -> View:
    """Everything that the catalogue knows about a release."""
    rows = [
        (name.replace("_", " "), f"{value}\n({SOURCES[name]})") for name, value in _facts(release)
    ]
    return table(f"Kuryr {release.name}", ("what", "value (source)"), rows)


def hazards_view(release: Release) -> View:
    """What may go wrong, and what to do about it."""
    rows = [(index, _hazard(hazard)) for index, hazard in enumerate(release.hazards, 1)]
    return table(f"Hazards of Kuryr {release.name}", ("", "what may go wrong (source)"), rows)


def ways_view(release: Release) -> View:
    """How a cluster with the release gets to every other release."""
    rows = [
        (other.name, _way(release, other)) for other in RELEASES.values() if other is not release
    ]
    note = (
        "Each step is a run of its own, with its release in kuryr.release: see\n"
        "`kuryr-runbook docs upgrade`.\n"
        "none: the state is kept where the other release does not look for it."
    )
    return table(f"Ways from Kuryr {release.name}", ("to", "by"), rows, note)


def release_data(release: Release) -> dict[str, Any]:
    """The release as JSON values, with the sources."""
    data = asdict(release)
    data["octavia_options"] = sorted(release.octavia_options)
    data["kubernetes_window"] = release.kubernetes_window._asdict()
    return data | {"ways": _ways(release), "sources": dict(SOURCES)}


def _ways(release: Release) -> dict[str, list[str] | None]:
    """The steps to every other release, ending with that release; None: there is no way."""
    found = {other.name: upgrades.find_path(release, other) for other in RELEASES.values()}
    return {
        name: None if path is None else [step.name for step in path]
        for name, path in found.items()
        if name != release.name
    }


def _way(release: Release, other: Release) -> str:
    path = upgrades.find_path(release, other)
    if path is None:
        return "none"
    direction = "up" if upgrades.is_later(other, release) else "back"
    return f"{direction}: {' -> '.join(step.name for step in (release, *path))}"


def _yes(works: bool) -> str:  # noqa: FBT001 - a cell of the table
    return "yes" if works else "no"


def _takes(release: Release, provider: OctaviaProvider) -> bool:
    """Whether it works with the provider, with at least one of its drivers."""
    return any(
        not any(support.provider_objections(release, driver, provider))
        for driver in release.vif_drivers
    )


def _hazard(hazard: Hazard) -> str:
    return f"{hazard.text}\n-> {hazard.way_out}\n({hazard.source})"


def _facts(release: Release) -> Iterator[Row]:
    """The fields of Release with their values in words; hazards have a table of their own."""
    plugin, image = release.cni_plugin, release.image
    yield "version", release.version
    yield "python", ", ".join(release.python)
    yield "pins", _listed(release.pins)
    yield (
        "image",
        "\n".join(
            f"{name} constraints: Python {item.python}"
            for name, item in image.constraint_sets.items()
        ),
    )
    yield (
        "cni_plugin",
        f"in Go, from the sdist of {plugin.built_from}, built {plugin.build}; asks the daemon at "
        f"{plugin.daemon_address}",
    )
    yield "python_plugin", "available" if release.python_plugin else "none"
    yield "cni_file", release.cni_file
    yield "handlers", ", ".join(release.handlers)
    yield "worker_subnet_option", release.worker_subnet_option
    yield "octavia_options", ", ".join(sorted(release.octavia_options))
    yield "octavia_features", "\n".join(map(str, release.octavia_features)) or "none"
    yield "defaults", _listed(release.defaults)
    yield "vif_drivers", _listed(release.vif_drivers)
    yield "vif_state", str(release.vif_state)
    yield "balancer_spec", str(release.balancer_spec)
    yield "balancer_state", str(release.balancer_state)
    yield "crds", "\n".join(crd.name for crd in release.crds) or "none"
    yield "finalizers", "\n".join(f"{f.kind}: {f.name}" for f in release.finalizers) or "none"
    yield (
        "cloud_requests",
        "\n".join(
            f"{it.service} {it.path}: {', '.join(it.methods)}" for it in release.cloud_requests
        ),
    )
    spaces = release.namespace_subnets
    yield "namespace_subnets", f"handlers {', '.join(spaces.handlers)}" if spaces else "none"
    policies = release.network_policies
    yield "network_policies", f"handlers {', '.join(policies.handlers)}" if policies else "none"
    yield from _cluster_facts(release)


def _cluster_facts(release: Release) -> Iterator[Row]:
    services, metrics = release.services, release.metrics_ports
    yield "controller_rules", _rules(release.controller_rules)
    yield "daemon_rules", _rules(release.daemon_rules)
    yield "health_ports", _listed(asdict(release.health_ports))
    yield "metrics_ports", _listed(asdict(metrics)) if metrics else "none"
    yield "kubernetes_window", str(release.kubernetes_window)
    yield "needs_self_link", _yes(release.needs_self_link)
    yield "kubernetes_tried", release.kubernetes_tried
    yield (
        "services",
        f"{' or '.join(support.SERVICE_TYPES)}, with an address"
        f"{', a selector' if services.needs_selector else ''}"
        f"{' and pods behind it' if services.needs_pod_targets else ''}",
    )
    yield "needs_revisions", _yes(release.needs_revisions)
    yield "needs_quota_details", _yes(release.needs_quota_details)
    yield "needs_resource_tags", _yes(release.needs_resource_tags)
    yield "tags_find_node_ports", _yes(release.tags_find_node_ports)
    yield "pools_need_tags", _yes(release.pools_need_tags)
    yield "upgrades_from", ", ".join(release.upgrades_from) or "none"
    yield "rewrites_annotations", _yes(release.rewrites_annotations)
    yield "moves_balancers", _yes(release.moves_balancers)
    yield "mtu_rule", f"of the pods' network: {release.mtu_rule}"


def _listed(values: Mapping[Any, object]) -> str:
    return "\n".join(f"{name}: {value or '(empty)'}" for name, value in values.items())


def _rules(rules: Iterable[Rule]) -> str:
    return "\n".join(f"{', '.join(rule.resources)}: {', '.join(rule.verbs)}" for rule in rules)

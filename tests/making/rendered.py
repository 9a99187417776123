"""What controller and daemon get, for all releases, drivers and providers that go together.

`PYTHONPATH=tests python -m making.rendered` writes it to tests/specs/golden, where a reviewer reads
the difference:
kuryr.conf for each driver and provider, and with pools of ports; the Kubernetes objects for each
driver; and both once more for each release, with everything else that a site may say about them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from worlds.sites import lab_site, lab_site_with
from worlds.spaces import with_policies, with_spaces

from kuryr_runbook.model import support
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.port_pools import PortPool
from kuryr_runbook.model.providers import OctaviaProvider
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.site import Site
from kuryr_runbook.specs import kuryr_conf
from kuryr_runbook.specs.controller import (
    CONFIG_KEY,
    CONFIG_SECRET,
    ControllerConfig,
    controller_manifests,
)
from kuryr_runbook.specs.daemon import daemon_manifests
from kuryr_runbook.specs.manifests import encoded

GOLDEN = Path(__file__).parents[1] / "specs" / "golden"
IMAGE = "registry.example.org/kuryr/kuryr@sha256:" + "a" * 64
API = "https://172.18.0.10:6443"
TAGS = ("my-site",)
IDS = kuryr_conf.KuryrIds(
    k8s_project_id="(project)",
    external_network_id="(external network)",
    node_subnet_id="(node subnet)",
    kuryr_pod_subnet_id="(pod subnet)",
    kuryr_service_subnet_id="(service subnet)",
    pod_security_group_id="(pod security group)",
    router_id="(router)",
    namespace_pool_id="(subnet pool)",
)
LOGIN = {"auth_type": "password", "auth_url": "https://keystone.example.org/v3"}


@dataclass(frozen=True, slots=True)
class Combination:
    """Things that go together."""

    release: str
    driver: VifDriver
    provider: OctaviaProvider
    pool: bool = False
    extended: bool = False
    """With subnets of namespaces and network policies."""

    def __str__(self) -> str:
        pool = ".pool" if self.pool else ""
        return f"{self.release}/{self.driver}.{self.provider}{pool}{self.suffix}"

    @property
    def suffix(self) -> str:
        """What is added to the names of files."""
        return ".extended" if self.extended else ""

    @property
    def site(self) -> Site:
        """The lab's site with this combination."""
        site = lab_site()
        needs_tags = RELEASES[self.release].needs_resource_tags
        changes = {
            "release": self.release,
            "vif_driver": self.driver,
            "octavia_provider": self.provider,
            "resource_tags": TAGS if needs_tags or self.pool else (),
            "port_pool": PortPool(enabled=self.pool),
        }
        site = site.model_copy(update={"kuryr": site.kuryr.model_copy(update=changes)})
        return with_policies(with_spaces(site)) if self.extended else site


def combinations() -> Iterator[Combination]:
    """All that the guard rails let through."""
    for release in RELEASES.values():
        for driver in VifDriver:
            for provider in OctaviaProvider:
                if not any(support.site_objections(release, driver, provider, TAGS)):
                    yield Combination(release.name, driver, provider)
            if not any(support.pool_objections(release, driver, TAGS)):
                yield Combination(release.name, driver, OctaviaProvider.AMPHORA, pool=True)
            if not any(support.namespace_objections(release, driver)):
                yield Combination(release.name, driver, OctaviaProvider.AMPHORA, extended=True)


TUNED = {
    "controller": {
        "cpu_request": "250m",
        "cpu_limit": "2",
        "memory_request": "256Mi",
        "memory_limit": "2Gi",
        "priority_class": "infrastructure",
        "node_selector": ["node-role.kubernetes.io/infra=", "zone=a"],
        "tolerations": ["dedicated=infra:NoSchedule", "maintenance", "zone:NoExecute"],
        "http_proxy": "http://proxy.example.org:3128",
        "https_proxy": "http://proxy.example.org:3129",
        "no_proxy": [".internal.example.org", "192.0.2.0/24"],
    },
    "daemon": {
        "cpu_request": "200m",
        "cpu_limit": "1",
        "memory_request": "192Mi",
        "memory_limit": "768Mi",
        "priority_class": "networks",
    },
    "pod_plug_seconds": 200,
    "watch_retry_seconds": 3600,
    "log_level": "debug",
}
"""Every key that concerns the programs alone, and that each release has."""
AMPHORA = OctaviaProvider.AMPHORA
IDLE = {"lb_idle_seconds": 3600}


def tuned(release: str) -> Site:
    """The lab's site with that release, and with everything that may be set."""
    tags = list(TAGS) if RELEASES[release].needs_resource_tags else []
    idle = {} if any(support.idle_objections(RELEASES[release], AMPHORA)) else IDLE
    return lab_site_with(
        kuryr={"release": release, "resource_tags": tags, **TUNED, **idle},
        network={"external_subnet_id": "01234567-89ab-cdef-0123-456789abcdef"},
    )


def confs(site: Site) -> Mapping[str, kuryr_conf.Conf]:
    """kuryr.conf of controller and daemon, by file name."""
    return {
        "controller.conf": kuryr_conf.controller_conf(site, IDS, LOGIN, API),
        "daemon.conf": kuryr_conf.daemon_conf(site, API, dockershim=False),
    }


def manifests(site: Site) -> list[dict[str, Any]]:
    """The Kubernetes objects of both, without the digest that rolls the pods."""
    config = ControllerConfig(conf={"neutron": {}, "kubernetes": {"api_root": API}}, ca_pem="(CA)")
    objects = [
        dict(item)
        for item in (
            *controller_manifests(site, IMAGE, config),
            *daemon_manifests(site, IMAGE, "(daemon.conf)"),
        )
    ]
    for item in objects:
        if item["metadata"]["name"] == CONFIG_SECRET:
            item["data"] = {CONFIG_KEY: encoded("(controller.conf)")}
        if "template" in item.get("spec", {}):
            del item["spec"]["template"]["metadata"]["annotations"]
    return objects


def golden_files() -> dict[str, str]:
    """Path below GOLDEN to text."""
    files: dict[str, str] = {}
    for combination in combinations():
        site = combination.site
        for name, conf in confs(site).items():
            files[f"{combination}/{name}"] = kuryr_conf.render_conf(conf)
        path = f"{combination.release}/{combination.driver}{combination.suffix}.yaml"
        text = _yaml(manifests(site))
        if files.setdefault(path, text) != text:
            raise AssertionError(f"{path} depends on Octavia's provider: give each a file")
    for release in RELEASES:
        site = tuned(release)
        for name, conf in confs(site).items():
            files[f"{release}/tuned/{name}"] = kuryr_conf.render_conf(conf)
        files[f"{release}/tuned.yaml"] = _yaml(manifests(site))
    return files


def _yaml(objects: list[dict[str, Any]]) -> str:
    return yaml.dump_all(
        objects, Dumper=_WithoutAliases, sort_keys=False, default_flow_style=None, width=96
    )


class _WithoutAliases(yaml.CSafeDumper):
    def ignore_aliases(self, _data: Any) -> bool:
        return True


def rewrite() -> None:
    shutil.rmtree(GOLDEN, ignore_errors=True)
    for path, text in golden_files().items():
        (GOLDEN / path).parent.mkdir(parents=True, exist_ok=True)
        (GOLDEN / path).write_text(text)


if __name__ == "__main__":
    rewrite()

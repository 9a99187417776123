"""A Kuryr release, and the source of each fact about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.releases.parts import (
    CniPlugin,
    Crd,
    Finalizer,
    Hazard,
    ImageInputs,
    KubernetesWindow,
    MtuRule,
    OctaviaFeature,
    Ports,
    Rule,
    ServiceTraits,
    StatePlace,
    minor_version,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One Kuryr release and what has to be known to install it."""

    name: str
    version: str
    """Version of the package kuryr-kubernetes: the last of the release."""
    python: tuple[str, ...]
    """Pythons on which it runs with upstream's constraints."""
    pins: Mapping[str, str]
    """The dependencies that decide where it runs, as upstream constrained them."""
    image: ImageInputs
    """What the runbook builds its image with."""
    cni_plugin: CniPlugin
    python_plugin: bool
    """Whether upstream's own plugin is the one in Python, and not `cni_plugin`."""
    cni_file: str
    """Name of the CNI configuration; one that ends in `.conflist` holds a list of plugins."""
    handlers: tuple[str, ...]
    """`[kubernetes] enabled_handlers` for pods and services."""
    worker_subnet_option: str
    """The option of [pod_vif_nested] that names the nodes' subnet."""
    octavia_options: frozenset[str]
    """The options of [octavia_defaults] that depend on Octavia's provider and that it knows."""
    octavia_features: tuple[OctaviaFeature, ...]
    """What it asks Octavia for where the API has it; it works without."""
    defaults: Mapping[str, str]
    """Defaults that differ between releases, by `section.option`."""
    vif_drivers: Mapping[VifDriver, str]
    """Driver to the name that kuryr.conf gets: our out-of-tree one where upstream's is broken."""
    vif_state: StatePlace
    """Where the VIF of a pod stands."""
    balancer_spec: StatePlace
    """Where it stands what load balancer a service is to have."""
    balancer_state: StatePlace
    """Where it stands what Octavia has of it."""
    crds: tuple[Crd, ...]
    """Definitions that are installed with it."""
    finalizers: tuple[Finalizer, ...]
    controller_rules: tuple[Rule, ...]
    daemon_rules: tuple[Rule, ...]
    health_ports: Ports
    """Where /ready and /alive are answered."""
    metrics_ports: Ports | None
    """Where Prometheus finds metrics; None: there are none."""
    kubernetes_window: KubernetesWindow
    needs_self_link: bool
    """It reads `metadata.selfLink`, which 1.20 to 1.23 only give with the API server's feature
    gate RemoveSelfLink=false."""
    kubernetes_tried: str
    """The latest version of Kubernetes that it is known to have run on."""
    services: ServiceTraits
    needs_revisions: bool
    """It changes a worker's address pairs only if the port's revision is the one that it read."""
    needs_quota_details: bool
    """Its controller is ready only where Neutron tells how much of a quota is used."""
    needs_resource_tags: bool
    """Without `resource_tags` it deletes load balancers that are not its own."""
    tags_find_node_ports: bool
    """It finds a node's port only if that carries the `resource_tags`."""
    upgrades_from: tuple[str, ...]
    """Releases from which a cluster is upgraded straight to it, the nearest first; from others it
    goes by these."""
    rewrites_annotations: bool
    """Its `kuryr-k8s-status upgrade update-annotations` rewrites VIFs in pods' annotations that
    have the format from before Rocky; in others the command does nothing."""
    moves_balancers: bool
    """Its controller moves, at its start, what earlier releases noted of load balancers in
    annotations; in no other release is that read again."""
    mtu_rule: MtuRule
    hazards: tuple[Hazard, ...]

    def runs_on(self, kubernetes: tuple[int, int]) -> bool:
        """Whether that minor version of Kubernetes is in its window."""
        first, last = self.kubernetes_window
        return minor_version(first) <= kubernetes and (
            last is None or kubernetes <= minor_version(last)
        )

    def shares_state_with(self, other: Release) -> bool:
        """Whether each finds what the other has noted of pods and load balancers."""
        return (self.vif_state, self.balancer_spec, self.balancer_state) == (
            other.vif_state,
            other.balancer_spec,
            other.balancer_state,
        )


SOURCES: Mapping[str, str] = {
    "name": "docs.openstack.org, releases of kuryr-kubernetes; retired after 2024.1",
    "version": "PyPI, kuryr-kubernetes",
    "python": "setup.cfg of the release; eventlet NEWS 0.26.0 (issue 526); tried: 3.6 with stein "
    "and train, 3.11 with 2024.1",
    "pins": "openstack/requirements, upper-constraints.txt of the release",
    "image": "share/image of this package; upload times on PyPI; every entry point of the release "
    "loaded on 3.11",
    "cni_plugin": "kuryr_cni/ of the sdist: main.go, Gopkg.toml or go.mod",
    "python_plugin": "cni/main.py of the sdist; release note of Train on the plugin in Go",
    "cni_file": "etc/cni/net.d/ of the sdist",
    "handlers": "entry points kuryr_kubernetes.controller.handlers of the wheel",
    "worker_subnet_option": "config.py, nested_vif_driver_opts",
    "octavia_options": "config.py, octavia_defaults",
    "octavia_features": "controller/drivers/lbaasv2.py, the versions at its head",
    "defaults": "opts.py, list_kuryr_opts(), run",
    "vif_drivers": "entry points kuryr_kubernetes.controller.drivers.pod_vif of the wheel",
    "vif_state": "constants.py, controller/handlers/vif.py and kuryrport.py",
    "balancer_spec": "controller/handlers/lbaas.py",
    "balancer_state": "controller/handlers/lbaas.py and loadbalancer.py",
    "crds": "kubernetes_crds/kuryr_crds/ of the sdist",
    "finalizers": "constants.py",
    "controller_rules": "the calls of k8s_client in controller/, read one by one",
    "daemon_rules": "the calls of k8s_client in cni/, read one by one",
    "health_ports": "controller/managers/health.py, cni/health.py",
    "metrics_ports": "config.py, prometheus_exporter_opts",
    "kubernetes_window": "metadata.selfLink in kuryr_kubernetes; apiextensions.k8s.io/v1 in "
    "kubernetes_crds/ (Kubernetes 1.16 on)",
    "needs_self_link": "metadata.selfLink in kuryr_kubernetes; utils.get_res_link from wallaby on",
    "kubernetes_tried": "devstack/settings of the sdist; stein: this lab; train: the original",
    "services": "controller/handlers/lbaas.py, controller/drivers/lbaasv2.py",
    "needs_revisions": "controller/drivers/nested_macvlan_vif.py, revision_number",
    "needs_quota_details": "controller/managers/health.py, get_quota or show_quota",
    "needs_resource_tags": "controller/handlers/lbaas.py of ussuri, _cleanup_leftover_lbaas",
    "tags_find_node_ports": "controller/drivers/nested_vif.py from wallaby on",
    "upgrades_from": "doc/source/installation/upgrades.rst; victoria alone has the code that moves "
    "annotations; 2023.1 to 2024.1: OpenStack's resolution 2022-02-10 on SLURP releases",
    "rewrites_annotations": "cmd/status.py, update_annotations",
    "moves_balancers": "controller/handlers/lbaas.py, _move_annotations_to_crd",
    "mtu_rule": "cni/binding/nested.py, bug 1863212",
    "hazards": "each names its own",
}
"""Field of Release to where its facts come from: in the releases as published, paths without
`kuryr_kubernetes/`."""

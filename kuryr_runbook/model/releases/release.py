"""A Kuryr release, and the sources of the facts about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.releases.parts import (
    CloudRequest,
    CniPlugin,
    Crd,
    Extension,
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
    """One Kuryr release, with the facts that are needed to install it."""

    name: str
    version: str
    """The release's last version of the package kuryr-kubernetes."""
    python: tuple[str, ...]
    """Pythons on which it runs with upstream's constraints."""
    pins: Mapping[str, str]
    """Upstream's constraints for the dependencies that decide where it runs."""
    image: ImageInputs
    """The inputs of its image."""
    cni_plugin: CniPlugin
    python_plugin: bool
    """Whether upstream's own plugin is the one in Python, and not `cni_plugin`."""
    cni_file: str
    """Name of the CNI configuration; one that ends in `.conflist` contains a list of plugins."""
    handlers: tuple[str, ...]
    """`[kubernetes] enabled_handlers` for pods and services."""
    worker_subnet_option: str
    """The option of [pod_vif_nested] that names the nodes' subnet."""
    octavia_options: frozenset[str]
    """The options of [octavia_defaults] that it knows and that depend on Octavia's provider."""
    octavia_features: tuple[OctaviaFeature, ...]
    """Features of Octavia's API that it uses if present; it works without them."""
    defaults: Mapping[str, str]
    """Defaults that differ between releases, by `section.option`."""
    vif_drivers: Mapping[VifDriver, str]
    """Driver to its name in kuryr.conf: our out-of-tree driver if upstream's is broken."""
    vif_state: StatePlace
    """Where the VIF of a pod is stored."""
    balancer_spec: StatePlace
    """Where the load balancer that a service should have is described."""
    balancer_state: StatePlace
    """Where the state of the load balancer in Octavia is stored."""
    crds: tuple[Crd, ...]
    """Definitions that are installed with it."""
    finalizers: tuple[Finalizer, ...]
    controller_rules: tuple[Rule, ...]
    daemon_rules: tuple[Rule, ...]
    cloud_requests: tuple[CloudRequest, ...]
    """The controller's requests to Neutron and Octavia, with any VIF driver."""
    namespace_subnets: Extension | None
    """A subnet for each namespace; None: the runbook does not set it up with this release."""
    network_policies: Extension | None
    """Enforcing network policies; likewise."""
    health_ports: Ports
    """Ports of /ready and /alive."""
    metrics_ports: Ports | None
    """Ports with metrics for Prometheus; None: there are none."""
    kubernetes_window: KubernetesWindow
    needs_self_link: bool
    """It reads `metadata.selfLink`, which Kubernetes 1.20 to 1.23 only have with the API server's
    feature gate RemoveSelfLink=false."""
    kubernetes_tried: str
    """The latest version of Kubernetes that it is known to have run on."""
    services: ServiceTraits
    needs_revisions: bool
    """It changes a worker's address pairs only if the port still has the revision that it read."""
    needs_quota_details: bool
    """Its controller is ready only if Neutron reports how much of a quota is used."""
    needs_resource_tags: bool
    """Without `resource_tags` it deletes load balancers that are not its own."""
    tags_find_node_ports: bool
    """It finds a node's port only if the port has the `resource_tags`."""
    pools_need_tags: bool
    """At its start it takes only ports with the `resource_tags` for spare ones of its pools, and
    only trunks whose parent has them; without tags, those of any Kuryr. Otherwise tags make no
    difference."""
    upgrades_from: tuple[str, ...]
    """Releases from which a cluster can be upgraded directly to it, the nearest first; from others,
    the path leads through one of these."""
    rewrites_annotations: bool
    """Its `kuryr-k8s-status upgrade update-annotations` converts VIFs in pods' annotations from the
    format before Rocky; in other releases the command does nothing."""
    moves_balancers: bool
    """At its start its controller moves the state of load balancers from the annotations of earlier
    releases; no other release reads them."""
    mtu_rule: MtuRule
    hazards: tuple[Hazard, ...]

    @property
    def extensions(self) -> tuple[Extension, ...]:
        """What the controller can do beyond pods and Services."""
        return tuple(it for it in (self.namespace_subnets, self.network_policies) if it is not None)

    def runs_on(self, kubernetes: tuple[int, int]) -> bool:
        """Whether it runs on that minor version of Kubernetes."""
        first, last = self.kubernetes_window
        return minor_version(first) <= kubernetes and (
            last is None or kubernetes <= minor_version(last)
        )

    def shares_state_with(self, other: Release) -> bool:
        """Whether each finds the other's state of pods and load balancers."""
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
    "cloud_requests": "the calls of neutron, os_net and lbaas in controller/ and utils.py, with "
    "their paths in neutronclient and openstacksdk",
    "namespace_subnets": "entry points kuryr_kubernetes.controller.handlers of the wheel; "
    "controller/handlers/namespace.py and kuryrnetwork.py, drivers/namespace_subnet.py: before "
    "wallaby they use KuryrNet, an object without a namespace, and annotations of namespaces",
    "network_policies": "the same entry points; controller/handlers/policy.py, pod_label.py and "
    "kuryrnetworkpolicy.py, drivers/network_policy.py",
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
    "pools_need_tags": "controller/drivers/vif_pool.py, _recover_precreated_ports and "
    "_get_trunks_info: with tags from train on",
    "upgrades_from": "doc/source/installation/upgrades.rst; victoria alone has the code that moves "
    "annotations; 2023.1 to 2024.1: OpenStack's resolution 2022-02-10 on SLURP releases",
    "rewrites_annotations": "cmd/status.py, update_annotations",
    "moves_balancers": "controller/handlers/lbaas.py, _move_annotations_to_crd",
    "mtu_rule": "cni/binding/nested.py, bug 1863212",
    "hazards": "each names its own source",
}
"""Field of Release to the source of its facts: in the published releases, with paths relative to
`kuryr_kubernetes/`."""

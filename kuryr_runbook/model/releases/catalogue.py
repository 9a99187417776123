"""The releases, each as what changed since the one before it.

`release.SOURCES` names the source of the facts in each field; hazards name their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.releases import extensions, hazards, names, permissions, requests
from kuryr_runbook.model.releases.builds import GO_PLUGIN_ASKS, go_plugin, image_inputs
from kuryr_runbook.model.releases.parts import (
    ACCESS_LISTS,
    BOTH_PROTOCOLS,
    CUSTOM_RESOURCES,
    FINALIZERS,
    PROVIDER_CHOICE,
    SCTP,
    GoBuild,
    KubernetesWindow,
    MtuRule,
    Ports,
    ServiceTraits,
    StatePlace,
)
from kuryr_runbook.model.releases.release import Release

STEIN = Release(
    name="stein",
    version="1.0.1",
    python=("3.6",),
    pins={"eventlet": "0.24.1", "pyroute2": "0.5.4"},
    image=image_inputs("stein", "1.0.1"),
    # The original used the Go plugin of Train, since the daemon's API is the same.
    cni_plugin=go_plugin("1.1.2", GoBuild.GOPATH),
    python_plugin=True,
    cni_file="10-kuryr.conf",
    handlers=("vif", "lb", "lbaasspec"),
    worker_subnet_option="worker_nodes_subnet",
    octavia_options=frozenset({"member_mode"}),
    octavia_features=(),
    defaults={
        "cni_daemon.bind_address": "127.0.0.1:50036",
        "kubernetes.api_root": "http://localhost:8080",
        "kubernetes.enabled_handlers": "vif,lb,lbaasspec",
        "kubernetes.ssl_ca_crt_file": "",
        "kubernetes.token_file": "",
        "neutron_defaults.network_device_mtu": "1500",
    },
    vif_drivers={
        # Upstream's driver loses address pairs, or cannot create a port: see the hazards.
        VifDriver.NESTED_MACVLAN: "nested-macvlan-locked",
        VifDriver.NESTED_VLAN: "nested-vlan",
        # Upstream's changes the bridge's datapath: see the hazards.
        VifDriver.NEUTRON_VIF: "neutron-vif-as-is",
    },
    vif_state=StatePlace(kind="Pod", annotation=names.VIF_ANNOTATION),
    balancer_spec=StatePlace(
        kind="Service and Endpoints", annotation=names.BALANCER_SPEC_ANNOTATION
    ),
    balancer_state=StatePlace(kind="Endpoints", annotation=names.BALANCER_STATE_ANNOTATION),
    crds=(),
    finalizers=(),
    controller_rules=permissions.ANNOTATING_CONTROLLER,
    daemon_rules=permissions.ANNOTATION_DAEMON,
    cloud_requests=requests.WITH_GROUPS,
    namespace_subnets=None,
    network_policies=None,
    health_ports=Ports(controller=8082, daemon=8090),
    metrics_ports=None,
    kubernetes_window=KubernetesWindow("1.11", "1.23"),
    needs_self_link=True,
    kubernetes_tried="1.20",
    services=ServiceTraits(needs_selector=True, needs_pod_targets=True),
    needs_revisions=False,
    needs_quota_details=False,
    needs_resource_tags=False,
    tags_find_node_ports=False,
    pools_need_tags=False,
    upgrades_from=(),
    rewrites_annotations=True,
    moves_balancers=False,
    mtu_rule=MtuRule.ANY,
    hazards=(
        hazards.LOST_PAIRS,
        hazards.OLD_EVENTLET,
        hazards.PYTHON_PLUGIN,
        hazards.OCTAVIA_DISCOVERY,
        hazards.LEAKED_PORTS,
        *hazards.ALWAYS,
    ),
)

TRAIN = replace(
    STEIN,
    name="train",
    version="1.1.2",
    pins={"eventlet": "0.25.2", "pyroute2": "0.5.6"},
    image=image_inputs("train", "1.1.2"),
    cni_plugin=go_plugin("1.1.2", GoBuild.GOPATH),
    python_plugin=False,
    octavia_options=STEIN.octavia_options | {"enforce_sg_rules"},
    defaults={**STEIN.defaults, "cni_daemon.bind_address": GO_PLUGIN_ASKS},
    kubernetes_tried="1.17",
    needs_revisions=True,
    pools_need_tags=True,
    upgrades_from=("stein",),
    hazards=(hazards.FEW_ATTEMPTS, hazards.OLD_EVENTLET, hazards.LEAKED_PORTS, *hazards.ALWAYS),
)

USSURI = replace(
    TRAIN,
    name="ussuri",
    version="2.1.0",
    python=("3.6", "3.7", "3.8"),
    pins={"eventlet": "0.26.1", "pyroute2": "0.5.11"},
    image=image_inputs("ussuri", "2.1.0"),
    cni_plugin=go_plugin("2.1.0", GoBuild.GOPATH),
    octavia_options=TRAIN.octavia_options | {"lb_algorithm"},
    octavia_features=(ACCESS_LISTS, BOTH_PROTOCOLS),
    defaults={
        **TRAIN.defaults,
        "kubernetes.ssl_ca_crt_file": f"{names.SERVICE_ACCOUNT}/ca.crt",
        "kubernetes.token_file": f"{names.SERVICE_ACCOUNT}/token",
    },
    cloud_requests=requests.WITH_GROUPS_AND_CHANGES,
    kubernetes_tried="1.16",
    needs_quota_details=True,
    needs_resource_tags=True,
    upgrades_from=("train",),
    mtu_rule=MtuRule.EQUAL,
    hazards=(
        hazards.FOREIGN_BALANCERS,
        hazards.UNKNOWN_REVISION,
        hazards.UNEQUAL_MTU,
        hazards.QUOTA_DETAILS,
        hazards.LEAKED_PORTS,
        *hazards.ALWAYS,
    ),
)

VICTORIA = replace(
    USSURI,
    name="victoria",
    version="3.1.0",
    pins={"eventlet": "0.26.1", "pyroute2": "0.5.14"},
    image=image_inputs("victoria", "3.1.0"),
    cni_plugin=go_plugin("3.1.0", GoBuild.GOPATH),
    cni_file="10-kuryr.conflist",
    handlers=("vif", "kuryrport", "service", "endpoints", "kuryrloadbalancer"),
    octavia_features=(PROVIDER_CHOICE, *USSURI.octavia_features),
    vif_state=StatePlace(kind="KuryrPort", field=".status.vifs"),
    balancer_spec=StatePlace(kind="KuryrLoadBalancer", field=".spec"),
    balancer_state=StatePlace(kind="KuryrLoadBalancer", field=".status"),
    crds=CUSTOM_RESOURCES,
    finalizers=FINALIZERS,
    controller_rules=permissions.CONVERTING_CONTROLLER,
    daemon_rules=permissions.CRD_DAEMON,
    cloud_requests=requests.WITH_CHANGES,
    kubernetes_window=KubernetesWindow("1.16", "1.23"),
    kubernetes_tried="1.18",
    services=ServiceTraits(needs_selector=False, needs_pod_targets=True),
    needs_resource_tags=False,
    upgrades_from=("ussuri",),
    moves_balancers=True,
    hazards=(
        hazards.RUNNING_PODS,
        hazards.BINDING_FAILED,
        hazards.UNKNOWN_REVISION,
        hazards.STALE_HANDLERS,
        hazards.UNEQUAL_MTU,
        *hazards.OF_CUSTOM_RESOURCES,
    ),
)

WALLABY = replace(
    VICTORIA,
    name="wallaby",
    version="4.0.1",
    pins={"eventlet": "0.30.2", "pyroute2": "0.6.6"},
    image=image_inputs("wallaby", "4.0.1"),
    cni_plugin=go_plugin("4.0.1", GoBuild.GOPATH),
    worker_subnet_option="worker_nodes_subnets",
    octavia_features=(*VICTORIA.octavia_features, SCTP),
    defaults={
        **VICTORIA.defaults,
        "kubernetes.enabled_handlers": "vif,endpoints,service,kuryrloadbalancer,kuryrport",
        "neutron_defaults.network_device_mtu": "0",
    },
    controller_rules=permissions.CRD_CONTROLLER,
    cloud_requests=requests.WITH_ALL_CHANGES,
    namespace_subnets=extensions.NAMESPACE_SUBNETS,
    network_policies=extensions.NETWORK_POLICIES,
    kubernetes_window=KubernetesWindow("1.16", None),
    needs_self_link=False,
    kubernetes_tried="1.19",
    services=ServiceTraits(needs_selector=False, needs_pod_targets=False),
    tags_find_node_ports=True,
    upgrades_from=("victoria",),
    moves_balancers=False,
    hazards=(
        hazards.PARENT_CONSTRUCTOR,
        hazards.TAGGED_NODES,
        hazards.UNEQUAL_MTU,
        *hazards.OF_CUSTOM_RESOURCES,
    ),
)

XENA = replace(
    WALLABY,
    name="xena",
    version="5.0.0",
    python=("3.6", "3.7", "3.8", "3.9"),
    pins={"eventlet": "0.31.1", "pyroute2": "0.6.6"},
    image=image_inputs("xena", "5.0.0"),
    cni_plugin=go_plugin("5.0.0", GoBuild.MODULES),
    octavia_options=WALLABY.octavia_options | {"timeout_client_data", "timeout_member_data"},
    defaults={**WALLABY.defaults, "kubernetes.api_root": "https://localhost:6443"},
    kubernetes_tried="1.20",
    upgrades_from=("wallaby",),
    mtu_rule=MtuRule.NO_LARGER,
    hazards=(
        hazards.PARENT_CONSTRUCTOR,
        hazards.TAGGED_NODES,
        hazards.SMALLER_MTU,
        *hazards.OF_CUSTOM_RESOURCES,
    ),
)

YOGA = replace(
    XENA,
    name="yoga",
    version="6.0.1",
    pins={"eventlet": "0.33.0", "pyroute2": "0.6.6"},
    image=image_inputs("yoga", "6.0.1"),
    cni_plugin=go_plugin("6.0.1", GoBuild.MODULES),
    controller_rules=(*permissions.CRD_CONTROLLER, *permissions.EVENTS),
    daemon_rules=(*permissions.CRD_DAEMON, *permissions.EVENTS),
    namespace_subnets=extensions.ANNOTATED_SUBNETS,
    metrics_ports=Ports(controller=9654, daemon=9655),
    kubernetes_tried="1.22",
    upgrades_from=("xena",),
    hazards=(hazards.PYTZ, *XENA.hazards),
)

ZED = replace(
    YOGA,
    name="zed",
    version="7.0.0",
    python=("3.8", "3.9"),
    pins={"eventlet": "0.33.1", "pyroute2": "0.7.2"},
    image=image_inputs("zed", "7.0.0"),
    cni_plugin=go_plugin("7.0.0", GoBuild.MODULES),
    daemon_rules=(*permissions.WATCHING_DAEMON, *permissions.EVENTS),
    upgrades_from=("yoga",),
    rewrites_annotations=False,
)

ANTELOPE = replace(
    ZED,
    name="2023.1",
    version="8.0.0",
    pins={"eventlet": "0.33.1", "pyroute2": "0.7.3"},
    image=image_inputs("2023.1", "8.0.0"),
    cni_plugin=go_plugin("8.0.0", GoBuild.MODULES),
    kubernetes_tried="1.25",
    upgrades_from=("zed",),
)

BOBCAT = replace(
    ANTELOPE,
    name="2023.2",
    version="9.0.0",
    python=("3.8", "3.9", "3.10"),
    pins={"eventlet": "0.33.3", "pyroute2": "0.7.7"},
    image=image_inputs("2023.2", "9.0.0"),
    cni_plugin=go_plugin("9.0.0", GoBuild.MODULES),
    kubernetes_tried="1.27",
    upgrades_from=("2023.1",),
)

CARACAL = replace(
    BOBCAT,
    name="2024.1",
    version="10.0.0",
    python=("3.8", "3.9", "3.10", "3.11"),
    pins={"eventlet": "0.35.1", "pyroute2": "0.7.12"},
    image=image_inputs("2024.1", "10.0.0"),
    cni_plugin=go_plugin("10.0.0", GoBuild.MODULES),
    kubernetes_tried="1.28",
    upgrades_from=("2023.2", "2023.1"),
    hazards=XENA.hazards,
)

RELEASES: Mapping[str, Release] = {
    release.name: release
    for release in (
        STEIN,
        TRAIN,
        USSURI,
        VICTORIA,
        WALLABY,
        XENA,
        YOGA,
        ZED,
        ANTELOPE,
        BOBCAT,
        CARACAL,
    )
}
"""By name, oldest first."""

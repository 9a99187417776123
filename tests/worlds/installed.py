"""Kuryrs as others install them: their objects, as the cluster's API shows them.

Recorded by kind, name, labels and layout of the files: those of the original's role, of upstream's
generator (tools/generate_k8s_resource_definitions.sh) in two releases, and of OpenShift's operator.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Mapping
from typing import Any

from worlds.objects import Item, metadata, own_pod
from worlds.spaces import policed_world
from worlds.world import World

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.releases.names import API_GROUP
from kuryr_runbook.specs.controller import ControllerConfig
from kuryr_runbook.specs.controller import controller_manifests as controllers
from kuryr_runbook.specs.daemon import daemon_manifests

SECRET = "s3cret-of-the-cloud"
"""In the login of each; no output may contain it."""
LATER = ("kuryrports", "kuryrloadbalancers", "kuryrnetworks", "kuryrnetworkpolicies")
CONF = """
[DEFAULT]
debug = true
[kubernetes]
pod_vif_driver = {driver}
enabled_handlers = {handlers}
{more}
[neutron_defaults]
pod_subnet = s-pods
service_subnet = s-services
pod_security_groups = g-pods
external_svc_net = n-outside
[pod_vif_nested]
{nodes} = s-nodes
[binding]
link_iface = ens3
"""
LOGIN = f"""
[neutron]
auth_type = password
auth_url = https://keystone.example.org:5000
username = kuryr
password = {SECRET}
project_name = k8s
"""


def conf(
    driver: str = "nested-macvlan",
    handlers: str = "vif,endpoints,service,kuryrloadbalancer,kuryrport",
    nodes: str = "worker_nodes_subnets",
    more: str = "",
) -> str:
    return CONF.format(driver=driver, handlers=handlers, nodes=nodes, more=more)


def configuration(kind: str, name: str, home: str, files: Mapping[str, str]) -> Item:
    data = {
        key: base64.b64encode(text.encode()).decode() if kind == "Secret" else text
        for key, text in files.items()
    }
    return {"kind": kind, "metadata": metadata(name, home), "data": data}


def workload(
    kind: str, name: str, home: str, image: str, container: str, labels: Mapping[str, str],
    *volumes: Item,
) -> Item:  # fmt: skip
    pod = {
        "hostNetwork": True,
        "containers": [{"name": container, "image": image}],
        "volumes": [{"name": f"v{number}", **it} for number, it in enumerate(volumes)],
    }
    if kind == "Pod":
        running = own_pod(name, name, "worker1", home)
        found = {**running["metadata"], "labels": dict(labels)}
        del found["ownerReferences"]
        return {**running, "kind": kind, "metadata": found, "spec": running["spec"] | pod}
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": dict(labels)},
        "template": {"metadata": {"labels": dict(labels)}, "spec": pod},
    }
    return {
        "kind": kind,
        "metadata": {**metadata(name, home), "labels": dict(labels)},
        "spec": spec,
    }


def running(owner: Item, *nodes: str) -> list[Item]:
    """The pods of a DaemonSet or Deployment."""
    home, name = owner["metadata"]["namespace"], owner["metadata"]["name"]
    labels = owner["spec"]["selector"]["matchLabels"]
    pods = []
    for index, node in enumerate(nodes):
        pod = own_pod(name, f"{name}-{index}", node, home)
        pod["metadata"]["labels"] = dict(labels)
        made_by = "ReplicaSet" if owner["kind"] == "Deployment" else owner["kind"]
        pod["metadata"]["ownerReferences"] = [{"kind": made_by, "name": name}]
        pods.append(pod)
    return pods


def secret(name: str) -> Item:
    return {"secret": {"secretName": name}}


def config_map(name: str) -> Item:
    return {"configMap": {"name": name}}


def emptied(world: World) -> World:
    """A world whose pods have Kuryr's interfaces, without the runbook's programs."""
    names = ("kuryr-controller", "kuryr-daemon")
    for kind in ("Deployment", "DaemonSet", "Secret", "ConfigMap"):
        world.objects[kind] = []
    world.objects["Pod"] = [
        it for it in world.objects["Pod"] if not it["metadata"]["name"].startswith(names)
    ]
    for items in world.resources.values():
        for item in items:
            if item.get("description") == world.mark:
                item["description"] = ""
    if world.uses_crds:
        define(world, *LATER)
    return world


def define(world: World, *plurals: str) -> None:
    world.objects["CustomResourceDefinition"] = [
        {"kind": "CustomResourceDefinition", "metadata": {"name": f"{it}.{API_GROUP}"}}
        for it in (*plurals, "barbicans", "things.example")
    ]


def install(world: World, *programs: Item) -> None:
    for it in programs:
        world.put(it)
        if it["kind"] == "Deployment":
            world.put(*({"kind": "Pod", **pod} for pod in running(it, "worker1")))
        elif it["kind"] == "DaemonSet":
            world.put(*({"kind": "Pod", **pod} for pod in running(it, "worker1", "worker2")))


def original_role() -> World:
    """A bare Pod, a DaemonSet of the runbook's own name, and a Secret with the whole kuryr.conf."""
    world, home, image = (
        emptied(World(release="stein")),
        "kube-system",
        "registry.example.org/kuryr/kuryr:latest",
    )
    text = conf(handlers="vif,lb,lbaasspec", nodes="worker_nodes_subnet")
    world.put(configuration("Secret", "kuryr-config", home, {"kuryr.conf": text + LOGIN}))
    world.put(configuration("ConfigMap", "kuryr-cni-config", home, {"kuryr.conf": text}))
    install(
        world,
        workload("Pod", "kuryr-controller", home, image, "kuryr-controller", {},
                 secret("kuryr-config")),
        workload("DaemonSet", "kuryr-daemon", home, image, "kuryr-daemon",
                 {"name": "kuryr-daemon"}, config_map("kuryr-cni-config")),
    )  # fmt: skip
    return world


def upstream_train() -> World:
    """The manifests of the generator, before custom resources; password in a ConfigMap."""
    world, home = emptied(World(release="train")), "kube-system"
    world.kubernetes = "v1.17.9"
    define(world, "kuryrnets", "kuryrnetpolicies")
    text = conf(handlers="vif,lb,lbaasspec,namespace,kuryrnet", nodes="worker_nodes_subnet",
                more="watch_read_timeout = 60")  # fmt: skip
    _upstream(world, home, text, "kuryr/controller:latest", "kuryr/cni:latest")
    return world


def upstream_yoga() -> World:
    """The same of a later release."""
    world = emptied(World(release="yoga"))
    _upstream(world, "kube-system", conf(more="use_events = true"), "kuryr/controller:latest",
              "kuryr/cni:latest")  # fmt: skip
    return world


def _upstream(world: World, home: str, text: str, controller: str, daemon: str) -> None:
    world.put(configuration("ConfigMap", "kuryr-config", home, {"kuryr.conf": text + LOGIN}))
    world.put(configuration("Secret", "kuryr-certificates", home, {"kuryr-ca-bundle.crt": ""}))
    volumes = (config_map("kuryr-config"), secret("kuryr-certificates"))
    install(
        world,
        workload("Deployment", "kuryr-controller", home, controller, "controller",
                 {"name": "kuryr-controller"}, *volumes),
        workload("DaemonSet", "kuryr-cni-ds", home, daemon, "kuryr-cni", {"app": "kuryr-cni"},
                 *volumes),
    )  # fmt: skip


def operators() -> World:
    """OpenShift's: a namespace of its own, the login in a Secret beside the configuration."""
    world, home = emptied(policed_world("2023.1")), "openshift-kuryr"
    text = conf(
        driver="nested-vlan",
        handlers="vif,kuryrport,endpoints,service,kuryrloadbalancer,openshift_machine,namespace,"
        "policy,pod_label,kuryrnetwork,kuryrnetworkpolicy",
        more="pod_subnets_driver = namespace\npod_security_groups_driver = policy\n"
        "vif_pool_driver = nested\nuse_events = false\n"
        "[namespace_subnet]\npod_subnet_pool = pool-spaces\npod_router = router",
    )
    world.put(configuration("ConfigMap", "kuryr-config", home, {"kuryr.conf": text}))
    credentials = {"kuryr-credentials.conf": LOGIN}
    world.put(configuration("Secret", "kuryr-config-credentials", home, credentials))
    both = {
        "projected": {
            "sources": [
                {"configMap": {"name": "kuryr-config"}},
                {"secret": {"name": "kuryr-config-credentials"}},
            ]
        }
    }
    image = "quay.io/openshift-release-dev/ocp@sha256:" + "a" * 64
    install(
        world,
        workload("Deployment", "kuryr-controller", home, image, "controller",
                 {"app": "kuryr-controller"}, both),
        workload("DaemonSet", "kuryr-cni", home, image, "kuryr-cni", {"app": "kuryr-cni"}, both),
    )  # fmt: skip
    return world


SHAPES: Mapping[str, Callable[[], World]] = {
    "the original's role": original_role,
    "upstream's manifests, train": upstream_train,
    "upstream's manifests, yoga": upstream_yoga,
    "OpenShift's operator": operators,
}


IMAGE = "registry.test:5000/ours/kuryr"


def installed(driver: VifDriver, release: str, **site: Any) -> World:
    """A world with the manifests that phases 03 and 04 apply, and the workers' trunks."""
    world = World(driver=driver, release=release)
    if site:
        world.change_site("kuryr", **site)
        world.configure()
    image = f"{IMAGE}@sha256:{'a' * 64}"
    conf = ControllerConfig(conf={"neutron": {}}, ca_pem="")
    world.objects["Deployment"] = [copy.deepcopy(dict(controllers(world.site, image, conf)[-1]))]
    world.objects["DaemonSet"] = [copy.deepcopy(dict(daemon_manifests(world.site, image, "")[-1]))]
    return world

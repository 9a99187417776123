"""Faults of Kuryr on the lab: its programs, their configuration, and the objects they work on."""

from __future__ import annotations

import re
import secrets
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from faults.lab_cloud import Lab

from kuryr_runbook.lab.pki import ensure_ca
from kuryr_runbook.lab.settings import PROJECT
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.releases.names import VIF_ANNOTATION
from kuryr_runbook.snapshots.cluster.vif import PodVif
from kuryr_runbook.snapshots.workload.workload import read_workload
from kuryr_runbook.specs.controller import (
    CA_KEY,
    CA_SECRET,
    CONFIG_KEY,
    CONFIG_SECRET,
    CONTROLLER,
)
from kuryr_runbook.specs.daemon import DAEMON, DAEMON_CONFIG
from kuryr_runbook.specs.manifests import PULL_SECRET, encoded
from kuryr_runbook.specs.workload import ACCOUNT, DEMO

RESTART_SECONDS = 90.0
WORKER = "worker1"
NO_LINK = "nosuch0"
PORT = {"protocol": "TCP", "port": 80, "targetPort": 8888}
WAITING = "waiting"
"""A Service without a backend, to which pods are given when its load balancer cannot be made."""
ROLE = "load-balancer_member"
ITS_USER = "lbmember"


def restart(lab: Lab, component: str, node: str = "") -> set[str]:
    """End its pods, all or those of a node; gives their names."""
    pods = lab.cluster.list_objects("v1", "Pod", namespace=lab.home, labels=f"name={component}")
    names = {it["metadata"]["name"] for it in pods if node in ("", it["spec"].get("nodeName"))}
    for name in names:
        lab.core.delete_namespaced_pod(name, lab.home)
    return names


def restart_and_wait(lab: Lab, component: str, node: str = "") -> None:
    gone = restart(lab, component, node)

    def is_well(pods: dict[str, Manifest]) -> bool:
        return bool(pods) and not gone & pods.keys() and all(map(is_ready, pods.values()))

    seen = lab.cluster.watch(
        "v1",
        "Pod",
        namespace=lab.home,
        labels=f"name={component}",
        seconds=RESTART_SECONDS,
        until=is_well,
    )
    assert is_well(seen), f"{component}: {sorted(seen)}"


def is_ready(pod: Manifest) -> bool:
    conditions = pod["status"].get("conditions", ())
    return any(it["type"] == "Ready" and it["status"] == "True" for it in conditions)


@contextmanager
def controller_scaled_to_none(lab: Lab) -> Iterator[None]:
    def scale(replicas: int) -> None:
        body = {"spec": {"replicas": replicas}}
        lab.apps.patch_namespaced_deployment_scale(CONTROLLER, lab.home, body)

    scale(0)
    try:
        yield
    finally:
        scale(1)


@contextmanager
def no_daemon_on_a_worker(lab: Lab) -> Iterator[None]:
    """Its selector chooses none; what runs goes on without it."""
    where = {"spec": {"template": {"spec": {"nodeSelector": {"kuryr": "no"}}}}}
    nowhere = {"spec": {"template": {"spec": {"nodeSelector": {"kuryr": None}}}}}
    lab.apps.patch_namespaced_daemon_set(DAEMON, lab.home, where)
    try:
        yield
    finally:
        lab.apps.patch_namespaced_daemon_set(DAEMON, lab.home, nowhere)


@contextmanager
def secret_edited(lab: Lab, name: str, key: str, change: Callable[[str], str]) -> Iterator[None]:
    """A Secret of the controller's is edited by hand, and the controller started anew."""
    before = b64decode(lab.core.read_namespaced_secret(name, lab.home).data[key]).decode()

    def write(text: str) -> None:
        lab.core.patch_namespaced_secret(name, lab.home, {"data": {key: encoded(text)}})

    assert change(before) != before
    write(change(before))
    restart(lab, CONTROLLER)
    try:
        yield
    finally:
        write(before)
        restart_and_wait(lab, CONTROLLER)


def with_login(conf: str, **login: str) -> str:
    """kuryr.conf with other values of `username`, `password`."""
    for option, value in login.items():
        conf = re.sub(rf"(?m)^{option} = .*$", f"{option} = {value}", conf)
    return conf


@contextmanager
def wrong_password(lab: Lab) -> Iterator[None]:
    word = secrets.token_hex(16)
    with secret_edited(lab, CONFIG_SECRET, CONFIG_KEY, lambda it: with_login(it, password=word)):
        yield


@contextmanager
def wrong_ca(lab: Lab) -> Iterator[None]:
    with TemporaryDirectory() as folder:
        other = ensure_ca(Path(folder)).cert.read_text()
    with secret_edited(lab, CA_SECRET, CA_KEY, lambda pem: other):
        yield


@contextmanager
def role_revoked(lab: Lab) -> Iterator[None]:
    """Kuryr's user may no longer make load balancers, and a Service gets its first backends.

    The controller is started anew, so that it does not go on with a token that services remember.
    """
    identity: Any = lab.admin.identity
    project, user = identity.find_project(PROJECT), identity.find_user(ITS_USER)
    role = identity.find_role(ROLE)
    auth = yaml.safe_load(lab.settings.clouds_yaml.read_text())["clouds"][ITS_USER]["auth"]
    login = {name: auth[name] for name in ("username", "password")}
    identity.unassign_project_role_from_user(project, user, role)
    try:
        with secret_edited(lab, CONFIG_SECRET, CONFIG_KEY, lambda it: with_login(it, **login)):
            lab.cluster.apply(waiting_service(lab, DEMO))
            try:
                yield
            finally:
                # Before the controller may make load balancers again.
                lab.cluster.delete(waiting_service(lab, DEMO))
    finally:
        identity.assign_project_role_to_user(project, user, role)


def waiting_service(lab: Lab, app: str = "nobody") -> dict[str, Any]:
    """It chooses the pods with that label; diagnosis gives a Service a minute from its making."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": WAITING, "namespace": lab.namespace},
        "spec": {"selector": {"app": app}, "ports": [PORT]},
    }


@contextmanager
def wrong_link_interface(lab: Lab) -> Iterator[None]:
    """The daemon of a worker does not find the interface that it is to plug pods into."""
    before = lab.core.read_namespaced_config_map(DAEMON_CONFIG, lab.home).data["kuryr.conf"]
    pod = pod_on_a_worker(lab)

    def configure(conf: str) -> None:
        body = {"data": {"kuryr.conf": conf}}
        lab.core.patch_namespaced_config_map(DAEMON_CONFIG, lab.home, body)
        restart_and_wait(lab, DAEMON, WORKER)

    wrong = re.sub(r"(?m)^link_iface = .*$", f"link_iface = {NO_LINK}", before)
    assert wrong != before
    try:
        configure(wrong)
        lab.cluster.apply(pod)
        yield
    finally:
        configure(before)
        lab.cluster.delete(pod)


def pod_on_a_worker(lab: Lab) -> dict[str, Any]:
    template = lab.apps.read_namespaced_deployment(DEMO, lab.namespace).spec.template
    image = template.spec.containers[0].image
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "unplugged", "namespace": lab.namespace},
        "spec": {
            "nodeName": WORKER,
            "serviceAccountName": ACCOUNT,
            "imagePullSecrets": [{"name": PULL_SECRET}],
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "sleep", "image": image, "command": ["sleep", "600"]}],
        },
    }


@contextmanager
def port_deleted_under_a_pod(lab: Lab) -> Iterator[None]:
    pod = read_workload(lab.site, lab.cluster).pods[0]
    assert isinstance(pod.vif, PodVif)
    lab.cloud.delete("port", pod.vif.port_id)
    try:
        yield
    finally:
        place = {"name": pod.name, "namespace": lab.namespace}
        lab.cluster.delete({"apiVersion": "v1", "kind": "Pod", "metadata": place})


@contextmanager
def annotation_overwritten(lab: Lab) -> Iterator[None]:
    name = read_workload(lab.site, lab.cluster).pods[0].name
    pod = lab.core.read_namespaced_pod(name, lab.namespace)

    def annotate(value: str) -> None:
        body = {"metadata": {"annotations": {VIF_ANNOTATION: value}}}
        lab.core.patch_namespaced_pod(name, lab.namespace, body)

    annotate("{}")
    try:
        yield
    finally:
        annotate(pod.metadata.annotations[VIF_ANNOTATION])


@contextmanager
def service_of_type_node_port(lab: Lab) -> Iterator[None]:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "by-node-port", "namespace": lab.namespace},
        "spec": {"type": "NodePort", "selector": {"app": DEMO}, "ports": [PORT]},
    }
    lab.cluster.apply(service)
    try:
        yield
    finally:
        lab.cluster.delete(service)

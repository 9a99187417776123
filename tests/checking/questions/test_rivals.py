"""A Kuryr of somebody else's is known by whatever tells it, and ours is not."""

from __future__ import annotations

from typing import Any

import pytest
from spoiling.diagnosis import troubles
from worlds.objects import metadata
from worlds.world import World

from kuryr_runbook.model.findings import Status
from kuryr_runbook.snapshots.cluster.deployed import part_of_kuryr, program_of


def item(kind: str, name: str, image: str, command: str = "", namespace: str = "kube-system",
         **labels: str) -> dict[str, Any]:  # fmt: skip
    pod = {"containers": [{"image": image, "command": [command] if command else []}]}
    spec = pod if kind == "Pod" else {"template": {"metadata": {"labels": labels}, "spec": pod}}
    return {
        "kind": kind,
        "metadata": {**metadata(name, namespace), "labels": labels},
        "spec": spec,
    }


FOREIGN = [
    (item("DaemonSet", "kuryr-cni-ds", "kuryr/cni:latest", app="kuryr-cni"), "daemon"),
    (item("DaemonSet", "kuryr-cni", "quay.io/x@sha256:1", namespace="openshift-kuryr"), "daemon"),
    (item("DaemonSet", "network", "example.org/a:1", "kuryr-daemon"), "daemon"),
    (item("DaemonSet", "network", "example.org/a:1", app="kuryr-cni"), "daemon"),
    (item("Pod", "kuryr-controller", "example.org/kuryr:train"), "controller"),
    (item("Pod", "boss", "example.org/k:1", "kuryr-k8s-controller"), "controller"),
    (item("Deployment", "kuryr-controller", "x", namespace="openshift-kuryr"), "controller"),
    (item("Deployment", "ports", "docker.io/kuryr/controller:latest"), "controller"),
    (item("Deployment", "ports", "x", **{"app.kubernetes.io/name": "kuryr-controller"}),
     "controller"),
]  # fmt: skip
OTHERS = [
    item("DaemonSet", "calico-node", "calico/node"),
    item("Deployment", "web", "example.org/kuryr-demo:1"),
    item("DaemonSet", "libnetwork", "kuryr/libnetwork", "kuryr-server"),
    item("Pod", "kuryr-status", "example.org/kuryr:stein", "kuryr-k8s-status"),
    item("Deployment", "controller", "example.org/controller"),
]


@pytest.mark.parametrize(("manifest", "part"), FOREIGN)
def test_a_kuryr_is_known_by_command_image_labels_or_name(
    manifest: dict[str, Any], part: str
) -> None:
    assert part_of_kuryr(program_of(manifest)) == part


@pytest.mark.parametrize("manifest", OTHERS)
def test_what_is_no_kuryr_is_none(manifest: dict[str, Any]) -> None:
    assert part_of_kuryr(program_of(manifest)) == ""


@pytest.mark.parametrize(("manifest", "part"), FOREIGN)
def test_diagnosis_names_both(manifest: dict[str, Any], part: str) -> None:
    world = World()
    world.objects[manifest["kind"]].append(manifest)
    (found,) = troubles(world)
    assert (found.check, found.status) == ("other-kuryr", Status.FAIL)
    place = f"{manifest['kind']} {manifest['metadata']['namespace']}/{manifest['metadata']['name']}"
    ours = {"controller": "Deployment kube-system/kuryr-controller",
            "daemon": "DaemonSet kube-system/kuryr-daemon"}[part]  # fmt: skip
    assert place in found.evidence
    assert ours in found.evidence
    assert "delete" in found.remedy


def test_a_pod_that_has_ended_is_no_rival() -> None:
    world = World()
    world.objects["Pod"].append({**FOREIGN[4][0], "status": {"phase": "Succeeded"}})
    assert troubles(world) == []


def test_no_secret_is_read_for_it() -> None:
    """But those with kuryr.conf, one of each, by name."""
    world = World()
    world.read()
    read = [what for what in world.asked if "Secret" in what or "ConfigMap" in what]
    assert read == ["one Secret", "one ConfigMap"]

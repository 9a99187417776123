"""The verification workload: its manifests, and the scripts that run in its pods."""

import base64
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from importlib import resources
from typing import Any

import pytest
from healthy import lab_site

from kuryr_runbook.specs import workload
from kuryr_runbook.specs.manifests import PULL_SECRET, labels

IMAGE = "203.0.113.130:5443/kuryr/kuryr@sha256:" + "a" * 64
SITE = lab_site()
NAMESPACE = SITE.verification.namespace


def manifests(registry_auth: str = "") -> dict[str, dict[str, Any]]:
    found = workload.workload_manifests(SITE, IMAGE, registry_auth)
    assert found[0]["kind"] == "Namespace"
    return {manifest["kind"]: manifest for manifest in found}


def test_all_is_marked_and_in_the_one_namespace_that_takes_it_away() -> None:
    for kind, manifest in manifests("{}").items():
        assert manifest["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "kuryr-runbook"
        assert kind == "Namespace" or manifest["metadata"]["namespace"] == NAMESPACE


def test_the_login_is_there_only_where_the_registry_wants_one() -> None:
    assert "Secret" not in manifests()
    secret = manifests('{"auths": {}}')["Secret"]
    assert secret["metadata"]["name"] == PULL_SECRET
    assert secret["type"] == "kubernetes.io/dockerconfigjson"
    assert base64.b64decode(secret["data"][".dockerconfigjson"]) == b'{"auths": {}}'


def test_pods_run_kuryrs_image_and_answer_with_their_name() -> None:
    spec = manifests()["Deployment"]["spec"]
    assert spec["replicas"] == SITE.verification.replicas
    pod = spec["template"]["spec"]
    [container] = pod["containers"]
    assert container["image"] == IMAGE
    assert container["env"][0]["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    assert "readinessProbe" not in container
    assert pod["enableServiceLinks"] is False
    assert pod["imagePullSecrets"] == [{"name": PULL_SECRET}]
    assert spec["template"]["metadata"]["labels"].items() >= spec["selector"]["matchLabels"].items()


def test_the_service_is_a_load_balancer_from_80_to_the_pods_port() -> None:
    service = manifests()["Service"]
    assert service["spec"]["type"] == "LoadBalancer"
    assert service["spec"]["ports"] == [{"protocol": "TCP", "port": 80, "targetPort": 8888}]
    pods = manifests()["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert pods.items() >= service["spec"]["selector"].items()
    assert workload.balancer_name(SITE) == f"{NAMESPACE}/{service['metadata']['name']}"


def test_the_account_may_view_its_own_namespace_only() -> None:
    binding = manifests()["RoleBinding"]
    assert binding["roleRef"]["name"] == "view"
    assert binding["metadata"]["namespace"] == NAMESPACE
    [subject] = binding["subjects"]
    assert subject["name"] == manifests()["ServiceAccount"]["metadata"]["name"]


@pytest.mark.parametrize(
    ("marks", "ours"),
    [
        ({}, False),
        ({"app.kubernetes.io/managed-by": "helm"}, False),
        ({**labels(SITE, workload.DEMO), "app.kubernetes.io/instance": "other"}, False),
        ({**labels(SITE, workload.DEMO), "kubernetes.io/metadata.name": NAMESPACE}, True),
    ],
)
def test_a_namespace_is_ours_by_mark_and_site(marks: dict[str, str], *, ours: bool) -> None:
    assert workload.is_ours(SITE, {"metadata": {"labels": marks}}) is ours


def test_a_pod_asks_every_other_the_outside_the_service_and_the_api() -> None:
    command = workload.probe_command(SITE, ["10.1.0.5", "10.1.0.6"], "10.2.0.40")
    questions = json.loads(command[-1])
    assert questions["ping"] == ["10.1.0.5", "10.1.0.6", str(SITE.verification.external_address)]
    assert questions["vip"] == ["10.2.0.40", 80]
    assert questions["api"] == ["10.2.0.1", f"/api/v1/namespaces/{NAMESPACE}/services"]
    assert json.loads(workload.probe_command(SITE, [], "")[-1])["tries"] == 0


def script(name: str) -> str:
    return (resources.files("kuryr_runbook") / "share" / "workload" / name).read_text()


@pytest.fixture
def server() -> Iterator[int]:
    """The pods' server itself, on loopback; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {"PORT": str(port), "POD_NAME": "kuryr-demo-x"}
    command = [sys.executable, "-c", script("server.py")]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        await_listening(port)
        yield port
    finally:
        process.terminate()
        assert process.wait(10) == 0, "it has to end by itself when the kubelet asks"


def await_listening(port: int) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server does not listen")


def test_the_server_answers_with_the_pods_name(server: int) -> None:
    connection = HTTPConnection("127.0.0.1", server, timeout=10)
    connection.request("GET", "/")
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b"kuryr-demo-x")
    connection.close()


def asked(questions: dict[str, Any], path: str = "/nonexistent") -> dict[str, Any]:
    """What the probe answers on this machine, where there is no ping in that path."""
    command = [sys.executable, "-c", script("probe.py"), json.dumps(questions)]
    done = subprocess.run(
        command, env={"PATH": path}, capture_output=True, text=True, timeout=60, check=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_the_probe_tells_yes_no_and_could_not_ask_apart(server: int) -> None:
    api = ["127.0.0.1", "/api"]
    found = asked({"ping": ["127.0.0.1"], "vip": ["127.0.0.1", server], "tries": 2, "api": api})
    assert found["vip"] == [{"ok": True, "said": "kuryr-demo-x"}] * 2
    assert found["ping"]["127.0.0.1"]["ok"] is None
    assert "ping cannot run" in found["ping"]["127.0.0.1"]["said"]
    assert found["api"]["ok"] is None
    closed = asked({"ping": [], "vip": ["127.0.0.1", 1], "tries": 1, "api": api})
    assert closed["vip"][0]["ok"] is False
    assert "refused" in closed["vip"][0]["said"]

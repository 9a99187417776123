"""The verification workload: its manifests, and the command that probes."""

import base64
import json
from dataclasses import replace
from importlib import resources
from urllib.parse import urlencode

from worlds.sites import IMAGE, lab_site

from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.specs import workload
from kuryr_runbook.specs.manifests import PULL_SECRET, digest

SITE = lab_site()
NAMESPACE = SITE.verification.namespace


def manifests(registry_auth: str = "") -> dict[str, Manifest]:
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


TARGETS = workload.Targets(
    pods={"a": "10.1.0.4", "b": "10.1.0.5", "c": "10.1.0.6"},
    cluster_ip="10.2.0.40",
    packet=1450,
    dns="10.2.0.10",
)


def test_a_pod_asks_every_other_the_outside_the_service_dns_and_the_api() -> None:
    command = workload.probe_command(SITE, "a", TARGETS)
    questions = json.loads(command[-1])
    assert questions["peers"] == ["10.1.0.5", "10.1.0.6"]
    assert (questions["port"], questions["size"]) == (8888, 1450)
    assert questions["external"] == str(SITE.verification.external_address)
    assert questions["vip"] == ["10.2.0.40", 80]
    assert questions["dns"] == "10.2.0.10"
    assert questions["api"] == ["10.2.0.1", f"/api/v1/namespaces/{NAMESPACE}/services"]
    without = replace(TARGETS, cluster_ip="")
    assert json.loads(workload.probe_command(SITE, "a", without)[-1])["tries"] == 0


def test_a_command_for_many_pods_fits_the_address_of_a_request() -> None:
    many = {f"kuryr-demo-{index}": f"10.100.200.{index}" for index in range(100)}
    command = workload.probe_command(SITE, "none", replace(TARGETS, pods=many))
    assert len(urlencode({"command": command}, doseq=True)) < 4000


def test_the_scripts_lie_in_a_config_map_and_another_one_rolls_the_pods() -> None:
    found = manifests()
    template = found["Deployment"]["spec"]["template"]
    volume = template["spec"]["volumes"][0]
    [container] = template["spec"]["containers"]
    mount = container["volumeMounts"][0]
    scripts = found["ConfigMap"]
    assert volume == {"name": mount["name"], "configMap": {"name": scripts["metadata"]["name"]}}
    for command in (container["command"], workload.probe_command(SITE, "a", TARGETS)):
        directory, _, name = command[1].rpartition("/")
        assert directory == mount["mountPath"]
        assert scripts["data"][name] == script(name)
    digests = template["metadata"]["annotations"]
    assert list(digests.values()) == [digest(script("server.py"), script("probe.py"))]


def script(name: str) -> str:
    return (resources.files("kuryr_runbook") / "share" / "workload" / name).read_text()

"""Preflight on the lab: healthy, and with one thing after the other that is in the way."""

from __future__ import annotations

import base64
import copy
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from support.repository import REPOSITORY
from worlds.lab import changes, world

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.clients.openstack.probes import ProbingCloud
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.options import Options
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.preflight import Preflight
from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.specs.node_probe import NODE_PROBE

if TYPE_CHECKING:
    from openstack.connection import Connection

pytestmark = pytest.mark.lab

SITE_FILE = REPOSITORY / "parameters" / "lab.yaml"
CLOSED = "https://203.0.113.130:1/"
"""Where nothing listens."""
SYSTEM_CA = "/etc/ssl/certs/ca-certificates.crt"
TOKEN_SECONDS = 30.0

Findings = dict[str, Finding]
Look = Callable[..., Findings]


@pytest.fixture(scope="module")
def look(settings: LabSettings) -> Look:
    """Preflight of the lab's site with some values changed, by sections."""

    def look(*, probe_nodes: bool = False, **changed: dict[str, Any]) -> Findings:
        sections = read_site(SITE_FILE).model_dump(mode="json", exclude_none=True)
        for section, values in changed.items():
            sections[section] |= values
        options = Options(probe_nodes=probe_nodes)
        phase = Preflight(Site.model_validate(sections), options=options)
        return {finding.check: finding for finding in phase.findings()}

    return look


def of_status(findings: Findings, status: Status) -> set[str]:
    return {name for name, finding in findings.items() if finding.status is status}


def bad(findings: Findings) -> dict[str, str]:
    return {
        name: f"{finding.status}: {finding.evidence}"
        for name, finding in findings.items()
        if finding.status in (Status.FAIL, Status.UNKNOWN)
    }


@pytest.fixture
def clouds(settings: LabSettings, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """The section `openstack` with a clouds.yaml whose entry k8s is changed."""

    def clouds(**changed: Any) -> dict[str, str]:
        content = copy.deepcopy(yaml.safe_load(settings.clouds_yaml.read_text()))
        content["clouds"]["k8s"] |= changed
        path = tmp_path / "clouds.yaml"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(content))
        return {"clouds_yaml": str(path)}

    return clouds


@pytest.fixture
def kubeconfig(settings: LabSettings, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """The section `kubernetes` with a kubeconfig that is changed."""

    def kubeconfig(change: Callable[[dict[str, Any]], None]) -> dict[str, str]:
        content = yaml.safe_load(settings.kubeconfig.read_text())
        change(content)
        path = tmp_path / "kubeconfig"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(content))
        return {"kubeconfig": str(path)}

    return kubeconfig


def test_the_healthy_lab_passes_and_nothing_is_changed(
    look: Look, cloud: OpenStackClient, cluster: KubernetesClient
) -> None:
    before = world(cloud, cluster)
    findings = look()
    assert bad(findings) == {}
    assert of_status(findings, Status.WARN) <= {"cni-configuration"}
    assert changes(before, world(cloud, cluster)) == []


def test_a_probe_of_the_nodes_pulls_and_looks_and_leaves_nothing(
    look: Look, cloud: OpenStackClient, cluster: KubernetesClient
) -> None:
    before = world(cloud, cluster)
    assert of_status(look(), Status.SKIP) >= {"image-pull"}
    findings = look(probe_nodes=True)
    assert bad(findings) == {}
    assert "ens3 has the address of each of 2 nodes" in findings["link-iface"].evidence
    assert "2 of 2 nodes pulled" in findings["image-pull"].evidence
    assert cluster.list_objects("v1", "Pod", labels=f"app.kubernetes.io/name={NODE_PROBE}") == []
    assert changes(before, world(cloud, cluster)) == []


def test_an_interface_that_is_not_there_is_reported_with_the_one_that_is(look: Look) -> None:
    finding = look(kuryr={"link_iface": "ens7"})["link-iface"]
    assert finding.status is Status.FAIL
    assert "worker1: there is no ens7, only ens3" in finding.evidence
    assert finding.remedy.startswith("set kuryr.link_iface to ens3")


def test_an_image_that_is_not_there_is_not_taken_for_one_that_cannot_be_pulled(
    look: Look,
) -> None:
    absent = read_site(SITE_FILE).image.repository.replace("/kuryr/kuryr", "/kuryr/not-there")
    finding = look(probe_nodes=True, image={"repository": absent})["image-pull"]
    assert finding.status is Status.PASS, finding.evidence
    assert "/lab/debian@" in finding.evidence
    elsewhere = {"repository": absent, "base_image": "docker.io/library/debian:bookworm-slim"}
    finding = look(probe_nodes=True, image=elsewhere)["image-pull"]
    # The lab's containerd has the registry's CA in a hosts.toml.
    assert finding.status is Status.WARN
    assert "repeat this after phase 01" in finding.remedy


def test_a_node_that_may_not_pull_is_reported(look: Look, tmp_path: Path) -> None:
    login = tmp_path / "auth.json"
    login.touch(mode=0o600)
    login.write_text('{"auths": {}}')
    finding = look(probe_nodes=True, image={"registry_auth": str(login)})["image-pull"]
    assert finding.status is Status.WARN, "nobody knows whether the image is there"
    assert "the registry refuses the login, from worker1; worker2" in finding.evidence


def test_no_probe_leaves_anything_or_a_reservation(
    settings: LabSettings, cloud: OpenStackClient, cluster: KubernetesClient
) -> None:
    before = world(cloud, cluster)
    for name in ("k8s", "member", "lbmember", "admin"):
        prober = ProbingCloud(name, settings.clouds_yaml)
        [network] = prober.list_resources("network", name="k8s-node-network")
        for body in ({}, {"binding:host_id": "worker1"}):
            prober.refuse_port(network["id"], body)
        prober.refuse_load_balancer(prober.project_id)
    quotas = ProbingCloud("k8s", settings.clouds_yaml).quotas("network", cloud.project_id)
    assert quotas["port"]["reserved"] == 0
    assert changes(before, world(cloud, cluster)) == []


def test_neutron_reveals_its_limit_of_address_pairs(settings: LabSettings) -> None:
    prober = ProbingCloud("k8s", settings.clouds_yaml)
    [network] = prober.list_resources("network", name="k8s-node-network")

    def ask(count: int) -> str:
        pairs = [{"ip_address": f"10.0.{n // 250}.{n % 250 + 1}"} for n in range(count)]
        return prober.refuse_port(network["id"], {"allowed_address_pairs": pairs}).said

    limit = settings.max_allowed_address_pair
    assert f"maximum {limit}." in ask(limit + 1)
    assert "maximum" not in ask(limit)


def test_a_plain_member_lacks_both_roles(look: Look) -> None:
    findings = look(openstack={"cloud": "member"})
    assert of_status(findings, Status.FAIL) == {"port-role", "load-balancer-role"}
    port, balancer = findings["port-role"], findings["load-balancer-role"]
    assert "create_port:binding:host_id" in port.evidence
    assert "member, reader" in port.evidence
    assert "load-balancer_member" in balancer.remedy
    assert "octavia-providers" in of_status(findings, Status.UNKNOWN)
    assert findings["kubernetes-rights"].status is Status.PASS


def test_a_load_balancer_member_lacks_only_the_host(look: Look) -> None:
    findings = look(openstack={"cloud": "lbmember"})
    assert bad(findings).keys() == {"port-role"}
    vlan = look(openstack={"cloud": "lbmember"}, kuryr={"vif_driver": "nested-vlan"})
    assert vlan["port-role"].status is Status.PASS
    assert vlan["trunk"].status is Status.FAIL
    assert vlan["neutron-extensions"].status is Status.PASS


def test_another_service_cidr_is_reported_with_the_right_one(look: Look) -> None:
    findings = look(kubernetes={"service_cidr": "10.2.0.0/26"})
    assert bad(findings).keys() == {"service-cidr"}
    assert "the API server's range is 10.2.0.0/25" in findings["service-cidr"].evidence


@contextmanager
def made(cluster: KubernetesClient, manifest: dict[str, Any]) -> Iterator[None]:
    cluster.apply(manifest)
    try:
        yield
    finally:
        cluster.delete(manifest)


def daemon_set(name: str) -> dict[str, Any]:
    """A DaemonSet that no node runs."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "nodeSelector": {"kuryr-runbook/none": "none"},
                    "containers": [{"name": "c", "image": "none.invalid/none"}],
                },
            },
        },
    }


def test_a_kube_proxy_and_another_network_are_found(look: Look, cluster: KubernetesClient) -> None:
    with made(cluster, daemon_set("kube-proxy")), made(cluster, daemon_set("calico-node")):
        findings = look()
    assert bad(findings).keys() == {"kube-proxy", "other-network"}
    assert findings["kube-proxy"].subject == "DaemonSet kube-system/kube-proxy"
    assert "Calico" in findings["other-network"].evidence


def test_a_node_that_neutron_does_not_know_is_named(look: Look, cluster: KubernetesClient) -> None:
    ghost = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "ghost"},
        "spec": {"unschedulable": True},
        "status": {"addresses": [{"type": "InternalIP", "address": "172.18.0.250"}]},
    }
    with made(cluster, ghost):
        findings = look()
    assert "node-port" in of_status(findings, Status.FAIL)
    evidence = findings["node-port"].evidence
    assert "no port in subnet k8s-node-subnet" in evidence
    assert "ghost (172.18.0.250)" in evidence
    assert findings["node-port"].subject == "node ghost"


@pytest.fixture
def low_quotas(admin: Connection, cloud: OpenStackClient) -> Iterator[None]:
    """As many ports as there are, and not one load balancer."""
    project = cloud.project_id
    ports = len(cloud.list_resources("port", project_id=project))
    admin.network.update_quota(project, ports=ports)
    admin.load_balancer.update_quota(project, load_balancers=0)
    try:
        yield
    finally:
        admin.network.delete_quota(project)
        admin.load_balancer.delete_quota(project)


@pytest.mark.usefixtures("low_quotas")
def test_low_quotas_are_reported_with_what_is_needed(look: Look) -> None:
    findings = look()
    # Neutron asks its quota before its policy, so what the policy says is not known then.
    assert of_status(findings, Status.FAIL) == {"quota-neutron", "quota-octavia"}
    assert of_status(findings, Status.UNKNOWN) == {"port-role"}
    assert "for the verification" in findings["quota-octavia"].evidence
    assert "openstack quota set --ports" in findings["quota-neutron"].remedy


def test_an_unreachable_neutron_leaves_the_rest_to_be_looked_at(
    look: Look, clouds: Callable[..., dict[str, str]]
) -> None:
    findings = look(openstack=clouds(network_endpoint_override=CLOSED))
    assert of_status(findings, Status.FAIL) == {"neutron"}
    assert "does not answer" in findings["neutron"].evidence
    for name in ("octavia", "octavia-api", "kubernetes-rights", "kube-proxy", "registry"):
        assert findings[name].status is Status.PASS


def test_an_unreachable_octavia_leaves_the_rest_to_be_looked_at(
    look: Look, clouds: Callable[..., dict[str, str]]
) -> None:
    findings = look(openstack=clouds(load_balancer_endpoint_override=CLOSED))
    assert of_status(findings, Status.FAIL) == {"octavia"}
    assert findings["port-role"].status is Status.PASS


def test_services_that_the_catalogue_lacks_are_named(
    look: Look, clouds: Callable[..., dict[str, str]]
) -> None:
    findings = look(openstack=clouds(region_name="Nowhere"))
    assert of_status(findings, Status.FAIL) == {"neutron", "octavia"}
    evidence = findings["octavia"].evidence
    assert "no public endpoint of type load-balancer (Octavia) in region Nowhere" in evidence
    assert "its types: identity, load-balancer, network" in evidence


def test_a_cloud_that_is_not_trusted(look: Look, clouds: Callable[..., dict[str, str]]) -> None:
    findings = look(openstack=clouds(cacert=SYSTEM_CA))
    assert of_status(findings, Status.FAIL) == {"keystone"}
    assert "Keystone's certificate is not trusted" in findings["keystone"].evidence
    assert "cacert" in findings["keystone"].remedy


def test_a_login_that_is_refused(look: Look, clouds: Callable[..., dict[str, str]]) -> None:
    site = read_site(SITE_FILE)
    assert site.openstack.clouds_yaml is not None
    auth = yaml.safe_load(site.openstack.clouds_yaml.read_text())["clouds"]["k8s"]["auth"]
    findings = look(openstack=clouds(auth={**auth, "password": "not this one"}))
    assert of_status(findings, Status.FAIL) == {"keystone"}
    assert "refused the login" in findings["keystone"].evidence
    assert "not this one" not in repr(findings)


def test_a_cluster_that_does_not_answer(
    look: Look, kubeconfig: Callable[..., dict[str, str]]
) -> None:
    def closed(config: dict[str, Any]) -> None:
        config["clusters"][0]["cluster"]["server"] = CLOSED

    findings = look(kubernetes=kubeconfig(closed))
    assert of_status(findings, Status.FAIL) == {"kubernetes-api"}
    assert findings["neutron-extensions"].status is Status.PASS
    assert findings["kube-proxy"].status is Status.UNKNOWN


def test_a_cluster_that_is_not_trusted(
    look: Look, kubeconfig: Callable[..., dict[str, str]]
) -> None:
    def foreign(config: dict[str, Any]) -> None:
        config["clusters"][0]["cluster"].pop("certificate-authority-data", None)
        config["clusters"][0]["cluster"]["certificate-authority"] = SYSTEM_CA

    findings = look(kubernetes=kubeconfig(foreign))
    assert of_status(findings, Status.FAIL) == {"kubernetes-api"}
    assert "certificate is not trusted" in findings["kubernetes-api"].evidence


def test_a_registry_that_is_not_trusted(look: Look) -> None:
    findings = look(image={"registry_ca": SYSTEM_CA})
    assert of_status(findings, Status.FAIL) == {"registry", "base-image"}
    assert "image.registry_ca" in findings["registry"].remedy


def test_a_base_image_that_is_not_there(look: Look) -> None:
    findings = look(image={"base_image": "203.0.113.130:5443/lab/debian:none"})
    assert bad(findings).keys() == {"base-image"}


@pytest.fixture
def reader_token(cluster: KubernetesClient) -> Iterator[str]:
    """The token of an account that may only read what everybody's view shows."""
    metadata = {"name": "preflight-reader", "namespace": "default"}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "preflight-reader"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "view",
        },
        "subjects": [{"kind": "ServiceAccount", **metadata}],
    }
    with made(cluster, account), made(cluster, binding):
        yield _token(cluster, account)


def _token(cluster: KubernetesClient, account: dict[str, Any]) -> str:
    end = time.monotonic() + TOKEN_SECONDS
    while True:
        found = (cluster.get(account) or {}).get("secrets")
        if found:
            name = {"name": found[0]["name"], "namespace": "default"}
            secret = cluster.get({"apiVersion": "v1", "kind": "Secret", "metadata": name})
            assert secret is not None
            return base64.b64decode(secret["data"]["token"]).decode()
        assert time.monotonic() < end, "the account got no token"
        time.sleep(0.3)


def test_a_user_who_may_only_read_lacks_rights(
    look: Look, kubeconfig: Callable[..., dict[str, str]], reader_token: str
) -> None:
    def as_reader(config: dict[str, Any]) -> None:
        config["users"][0]["user"] = {"token": reader_token}

    findings = look(kubernetes=kubeconfig(as_reader))
    rights = findings["kubernetes-rights"]
    assert rights.status is Status.FAIL
    assert "create namespaces" in rights.evidence
    assert "cluster-admin" in rights.remedy
    # `view` shows no nodes, and makes no Services: that is not known, not absent.
    assert {"nodes", "node-port", "service-cidr"} <= of_status(findings, Status.UNKNOWN)


def run(directory: Path, site: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-c", "from kuryr_runbook.cli import main; main()"),
            *("run", "--site", site, "--only", "preflight", "--run-dir", directory / "run"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=REPOSITORY,
    )


def test_the_notebook_runs_headless(tmp_path: Path, settings: LabSettings) -> None:
    done = run(tmp_path, SITE_FILE)
    assert done.returncode == 0, done.stderr
    account = json.loads((tmp_path / "run" / "run.json").read_text())
    assert [phase["phase"] for phase in account["phases"]] == ["preflight"]


def test_a_headless_run_stops_with_all_problems_and_exit_code_4(
    tmp_path: Path, settings: LabSettings
) -> None:
    text = SITE_FILE.read_text()
    site = tmp_path / "site.yaml"
    site.write_text(
        text.replace("cloud: k8s ", "cloud: member ").replace("10.2.0.0/25", "10.2.0.0/26")
    )
    done = run(tmp_path, site)
    assert done.returncode == 4, done.stderr
    told = " ".join(done.stderr.split())
    for words in ("binding:host_id", "load-balancer_member", "the API server's range is"):
        assert words in told

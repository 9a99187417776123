"""The whole runbook on the lab: from nothing to pods on Neutron networks, and back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.repository import REPOSITORY

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.model.errors import AccessError, RunbookError, UnreachableError, UsageError
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.controller import Controller
from kuryr_runbook.phases.daemon import Daemon
from kuryr_runbook.phases.image_build import ImageBuild
from kuryr_runbook.phases.openstack_prep import OpenStackPrep

pytestmark = pytest.mark.lab

GONE_SECONDS = 300.0
PHASES: tuple[type[Phase], ...] = (ImageBuild, OpenStackPrep, Controller, Daemon)


def sections(site: Site) -> dict[str, Any]:
    return site.model_dump(mode="json", exclude_none=True)


def changed(site: Site, section: str, **values: Any) -> dict[str, Any]:
    found = sections(site)
    found[section] |= values
    return found


def test_the_run_passed_every_acceptance_check(kuryr_run: Path) -> None:
    run = json.loads((kuryr_run / "run.json").read_text())
    assert run["status"] == "SUCCEEDED"
    assert [phase["status"] for phase in run["phases"]] == ["SUCCEEDED"] * 6


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
def test_a_second_run_plans_no_change(kuryr: Site, phase: type[Phase]) -> None:
    plan = phase(kuryr).make_plan()
    assert [f"{step.action} {step.target}: {step.because}" for step in plan.changes] == []


@pytest.mark.parametrize(
    "notebook",
    ["01_image_build", "02_openstack_prep", "03_controller", "04_daemon"],
)
def test_each_phase_works_alone_by_papermill_and_changes_nothing(
    kuryr: Site,
    cloud: OpenStackClient,
    notebook: str,
    tmp_path: Path,
) -> None:
    output = tmp_path / f"{notebook}.ipynb"
    before = {port["id"]: port["revision_number"] for port in cloud.list_resources("port")}
    subprocess.run(
        [
            *(sys.executable, "-m", "papermill", "--no-progress-bar"),
            *(REPOSITORY / "notebooks" / f"{notebook}.ipynb", output),
            *("-k", "python3", "-f", REPOSITORY / "parameters" / "lab.yaml"),
        ],
        check=True,
        timeout=300,
        cwd=tmp_path,
    )
    text = output.read_text()
    assert "create " not in text.split("outputs")[-1]
    assert before == {port["id"]: port["revision_number"] for port in cloud.list_resources("port")}


def test_twenty_pods_at_once_on_one_worker_keep_their_pairs(
    kuryr: Site, cloud: OpenStackClient, cluster: KubernetesClient
) -> None:
    image = _daemon_image(kuryr, cluster)
    manifest = _many_pods(image, 20)
    login = cluster.get(_pull_secret(kuryr.kubernetes.namespace))
    assert login is not None
    secret = {**_pull_secret("default"), "type": login["type"], "data": login["data"]}
    cluster.apply(secret)
    cluster.apply(manifest)
    try:
        pods = cluster.watch(
            "v1", "Pod", namespace="default", labels="app=many", seconds=240, until=_all_run(20)
        )
        assert _all_run(20)(pods), {name: pod["status"]["phase"] for name, pod in pods.items()}
        wanted = {pod["status"]["podIP"] for pod in pods.values()}
        assert wanted <= pairs_of(cloud, "worker1")
        addresses = sorted(wanted)
        with ThreadPoolExecutor(8) as pool:
            pinged = list(pool.map(lambda name: _pings(cluster, name, addresses), sorted(pods)[:4]))
        assert all(pinged)
    finally:
        cluster.delete(manifest)
        cluster.delete(secret)
    left = cluster.watch(
        "v1", "Pod", namespace="default", labels="app=many", seconds=120, until=lambda p: not p
    )
    assert not left
    # Kuryr hears of a deleted pod when it is gone, and then takes its pair and port away.
    await_gone("address pairs", lambda: wanted & pairs_of(cloud, "worker1"))
    await_gone("ports", lambda: wanted & addresses_of_pods(cloud))


def pairs_of(cloud: OpenStackClient, node: str) -> set[str]:
    [port] = cloud.list_resources("port", name=node)
    return {pair["ip_address"] for pair in port["allowed_address_pairs"]}


def addresses_of_pods(cloud: OpenStackClient) -> set[str]:
    ports = cloud.list_resources("port", device_owner="compute:kuryr")
    return {fixed["ip_address"] for port in ports for fixed in port["fixed_ips"]}


def await_gone(what: str, left: Callable[[], set[str]]) -> None:
    end = time.monotonic() + GONE_SECONDS
    while found := left():
        assert time.monotonic() < end, f"{what} after {GONE_SECONDS:.0f} s: {sorted(found)}"
        time.sleep(1)


def _pings(cluster: KubernetesClient, pod: str, addresses: list[str]) -> bool:
    script = f"for a in {' '.join(addresses)}; do ping -c1 -W3 $a || exit 1; done"
    return cluster.execute("default", pod, ["sh", "-c", script], seconds=120).status == 0


def _all_run(count: int) -> Any:
    def until(pods: dict[str, Any]) -> bool:
        return len(pods) == count and all(p["status"]["phase"] == "Running" for p in pods.values())

    return until


def _pull_secret(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "kuryr-registry", "namespace": namespace},
    }


def _daemon_image(site: Site, cluster: KubernetesClient) -> str:
    daemon_set = cluster.get(
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "kuryr-daemon", "namespace": site.kubernetes.namespace},
        }
    )
    assert daemon_set is not None
    return str(daemon_set["spec"]["template"]["spec"]["containers"][0]["image"])


def _many_pods(image: str, replicas: int) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "many", "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "many"}},
            "template": {
                "metadata": {"labels": {"app": "many"}},
                "spec": {
                    "nodeName": "worker1",
                    "terminationGracePeriodSeconds": 0,
                    "imagePullSecrets": [{"name": "kuryr-registry"}],
                    "containers": [{"name": "c", "image": image, "command": ["sleep", "infinity"]}],
                },
            },
        },
    }


@pytest.mark.parametrize(
    ("section", "values", "error", "expected"),
    [
        ("openstack", {"cloud": "member"}, RunbookError, "403"),
        ("openstack", {"cloud": "nobody"}, UsageError, "no usable entry 'nobody'"),
        ("openstack", {"clouds_yaml": "/nonexistent/clouds.yaml"}, UsageError, "No such file"),
        ("kubernetes", {"kubeconfig": "/nonexistent/config"}, UsageError, "No such file"),
        ("network", {"router": "no-such", "node_subnet": "none"}, RunbookError, "does not exist"),
        (
            "network",
            {"kuryr_pod_subnet_id": "00000000-0000-0000-0000-000000000000"},
            RunbookError,
            "does not exist",
        ),
    ],
)
def test_bad_input_is_refused_before_anything_changes(
    kuryr: Site, section: str, values: dict[str, Any], error: type[RunbookError], expected: str
) -> None:
    with pytest.raises(error, match=expected):
        OpenStackPrep(Site.model_validate(changed(kuryr, section, **values))).make_plan()


@pytest.mark.parametrize(
    ("entry", "error", "expected"),
    [
        ({"auth_url": "https://127.0.0.1:1/v3"}, UnreachableError, "does not answer"),
        ({"password": "wrong"}, AccessError, "refused the login"),
        ({"cacert": None}, AccessError, "not trusted"),
    ],
    ids=["unreachable", "wrong password", "untrusted"],
)
def test_each_reason_why_a_cloud_cannot_be_used_is_distinguished(
    kuryr: Site,
    tmp_path: Path,
    entry: dict[str, Any],
    error: type[RunbookError],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)
    assert kuryr.openstack.clouds_yaml is not None
    clouds = yaml.safe_load(kuryr.openstack.clouds_yaml.read_text())
    cloud = clouds["clouds"]["k8s"]
    for key, value in entry.items():
        (cloud if key == "cacert" else cloud["auth"])[key] = value
    path = tmp_path / "clouds.yaml"
    path.write_text(yaml.safe_dump(clouds))
    path.chmod(0o600)
    with pytest.raises(error, match=expected) as caught:
        OpenStackPrep(
            Site.model_validate(changed(kuryr, "openstack", clouds_yaml=str(path)))
        ).make_plan()
    assert caught.value.remedy


def test_no_secret_is_in_what_a_run_leaves(kuryr_run: Path, kuryr: Site) -> None:
    assert kuryr.openstack.clouds_yaml is not None
    clouds = yaml.safe_load(kuryr.openstack.clouds_yaml.read_text())["clouds"]
    passwords = {cloud["auth"]["password"] for cloud in clouds.values()}
    for folder, _, names in os.walk(kuryr_run):
        for name in names:
            text = (Path(folder) / name).read_text(errors="replace")
            assert not [p for p in passwords if p in text], name

"""What a plan says of a cloud and a cluster that somebody changed behind the runbook's back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.faulty_run import changed_site
from kubernetes import client as kubernetes_client
from kubernetes import config as kubernetes_config
from support.repository import REPOSITORY
from urllib3.connectionpool import HTTPConnectionPool

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.model.marks import is_marked
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.catalogue import PHASES
from kuryr_runbook.phases.controller import Controller

pytestmark = pytest.mark.lab

EDITOR = "kubectl-edit"
FORCED = (
    *("run", "--site", "parameters/lab.yaml", "--yes", "--force-conflicts"),
    *("--only", "controller", "--only", "daemon", "--run-dir"),
)

Plan = Callable[..., tuple[int, dict[str, Any]]]


def cli(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from kuryr_runbook.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=REPOSITORY,
    )


@pytest.fixture
def plan(kuryr: Site) -> Plan:
    """`kuryr-runbook plan --json`: exit status, and the plan."""

    def make(*arguments: object) -> tuple[int, dict[str, Any]]:
        done = cli("plan", "--site", "parameters/lab.yaml", "--json", *arguments)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    return make


def pending(document: dict[str, Any]) -> list[str]:
    return [
        f"{step['action']} {step['kind']} {step['name']}"
        for phase in document["phases"]
        for step in phase["steps"]
        if step["action"] != "keep"
    ]


def fields(document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {
        change["field"]: (change["before"], change["after"])
        for phase in document["phases"]
        for step in phase["steps"]
        if step["action"] == "update"
        for change in step["changes"]
    }


def test_after_a_run_there_is_nothing_to_do(plan: Plan) -> None:
    status, document = plan()
    assert (status, pending(document)) == (0, [])


def test_a_rule_that_somebody_deleted_is_named_and_comes_back(
    kuryr: Site, plan: Plan, cloud: OpenStackClient, tmp_path: Path
) -> None:
    rules = cloud.list_resources("security_group_rule", remote_ip_prefix="10.2.0.0/24")
    [rule] = [rule for rule in rules if is_marked(rule["description"])]
    cloud.delete("security_group_rule", rule["id"])
    saved = tmp_path / "plan.json"
    status, document = plan("--out", saved)
    assert status == 3
    assert pending(document) == [
        "create security_group_rule k8s-node-sg: all traffic from 10.2.0.0/24"
    ]
    # The very plan that was saved is what is done, and nothing that came after it.
    node = cloud.list_resources("port", name="worker1")[0]
    groups = node["security_groups"]
    cloud.update("port", node["id"], {"security_groups": []})
    run = ("run", "--site", "parameters/lab.yaml", "--only", "openstack_prep", "--plan", saved)
    try:
        done = cli(*run, "--run-dir", tmp_path / "refused")
        assert done.returncode == 1
        assert "not in the plan that was approved" in done.stderr
        assert "update port node" in done.stderr
    finally:
        cloud.update("port", node["id"], {"security_groups": groups})
    assert cli(*run, "--run-dir", tmp_path / "done").returncode == 0
    assert plan()[0] == 0


def test_a_dry_run_reports_changes_by_its_exit_status(
    kuryr: Site, cloud: OpenStackClient, tmp_path: Path
) -> None:
    run = ("run", "--site", "parameters/lab.yaml", "--dry-run", "--run-dir")
    assert cli(*run, tmp_path / "nothing").returncode == 0
    [pods] = cloud.list_resources("subnet", name="kuryr-pod-subnet")
    cloud.update("subnet", pods["id"], {"enable_dhcp": True})
    try:
        done = cli(*run, tmp_path / "something", "--only", "openstack_prep")
        assert done.returncode == 3, done.stderr
        assert "enable_dhcp: true -> false" in " ".join(done.stderr.split())
    finally:
        cloud.update("subnet", pods["id"], {"enable_dhcp": False})


@pytest.fixture
def edited(settings: LabSettings, kuryr: Site, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Change objects of Kuryr's as somebody with an editor would; put right at the end."""
    kubernetes_config.load_kube_config(str(settings.kubeconfig))
    namespace = kuryr.kubernetes.namespace

    def edit(kind: str, name: str, patch: dict[str, Any]) -> None:
        if kind == "Secret":
            kubernetes_client.CoreV1Api().patch_namespaced_secret(
                name, namespace, patch, field_manager=EDITOR
            )
        else:
            kubernetes_client.AppsV1Api().patch_namespaced_daemon_set(
                name, namespace, patch, field_manager=EDITOR
            )

    yield edit
    done = cli(*FORCED, tmp_path / "forced")
    assert done.returncode == 0, done.stderr
    edit("DaemonSet", "kuryr-daemon", {"spec": {"updateStrategy": {"type": "RollingUpdate"}}})


def test_an_edited_secret_is_named_with_its_editor_and_not_overwritten_unasked(
    plan: Plan, edited: Callable[..., None], kuryr: Site, cluster: KubernetesClient, tmp_path: Path
) -> None:
    def controllers() -> set[str]:
        place = {"namespace": kuryr.kubernetes.namespace, "labels": "name=kuryr-controller"}
        return {pod["metadata"]["uid"] for pod in cluster.list_objects("v1", "Pod", **place)}

    before = controllers()
    edited("Secret", "kuryr-config", {"data": {"kuryr.conf": "c2VjcmV0LW9mLXNvbWVib2R5"}})
    status, document = plan()
    assert status == 3
    assert pending(document) == [
        "update Secret kube-system/kuryr-config",
        "update Deployment kube-system/kuryr-controller",
    ]
    assert "data.kuryr.conf" in fields(document)
    assert "secret-of-somebody" not in json.dumps(document)
    phase = Controller(kuryr)
    shown = str(phase.plan())
    assert f"({EDITOR})" in shown
    with pytest.raises(Exception, match=f"other managers hold(?s:.)*{EDITOR}"):
        phase.apply()
    assert controllers() == before
    assert cli(*FORCED, tmp_path / "done").returncode == 0
    assert len(controllers()) == 1
    assert not controllers() & before
    assert plan()[0] == 0


def test_another_image_in_the_daemon_set_is_shown_field_by_field(
    plan: Plan, edited: Callable[..., None]
) -> None:
    other = {"name": "daemon", "image": "registry.example.org/other:1"}
    template = {"spec": {"containers": [other]}}
    # OnDelete: the pods that run stay as they are.
    spec = {"updateStrategy": {"type": "OnDelete"}, "template": template}
    edited("DaemonSet", "kuryr-daemon", {"spec": spec})
    status, document = plan()
    assert status == 3
    assert pending(document) == ["update DaemonSet kube-system/kuryr-daemon"]
    image = fields(document)["spec.template.spec.containers[0].image"]
    assert image[0] == "registry.example.org/other:1"
    assert "@sha256:" in image[1]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every request of this process to an HTTP API, but for logins and the lock of the site.

    Those are POST and PATCH by their nature; what they leave behind goes by itself.
    """
    sent: list[str] = []
    send = HTTPConnectionPool.urlopen

    def urlopen(pool: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        if "auth/tokens" not in url and "/leases" not in url:
            sent.append(f"{method} {url}")
        return send(pool, method, url, *args, **kwargs)

    monkeypatch.setattr(HTTPConnectionPool, "urlopen", urlopen)
    return sent


def second_run(site: dict[str, Any], sent: list[str]) -> None:
    """Phases 01 to 04 once more, as their notebooks step through them: all that they do is look."""
    for entry in (entry for entry in PHASES if entry.lasting):
        before = len(sent)
        phase = entry.load()(Site.model_validate(site))
        phase.plan()
        phase.apply()
        phase.check()
        changing = [call for call in sent if not call.startswith(("GET ", "HEAD "))]
        assert [call for call in changing if "dryRun=All" not in call] == [], entry.name
        assert len(sent) > before, f"{entry.name} asks nobody"
        assert phase.make_plan().changes == (), entry.name


def test_reading_is_all_that_a_second_run_does(kuryr: Site, sent: list[str]) -> None:
    second_run(dict(kuryr), sent)


@pytest.fixture
def with_own_credential(kuryr: Site) -> Iterator[dict[str, Any]]:
    """The sections of the site with a credential of Kuryr's own, which is made and taken away."""

    def carried_out(site: dict[str, Any]) -> dict[str, Any]:
        phase = Controller(Site.model_validate(site))
        phase.carry_out(phase.make_plan())
        return site

    yield carried_out(changed_site({"kuryr": {"credentials": "application_credential"}}))
    carried_out(dict(kuryr))


@pytest.mark.exhaustive
def test_reading_is_all_that_a_second_run_does_with_a_credential_of_kuryrs_own(
    with_own_credential: dict[str, Any], sent: list[str]
) -> None:
    second_run(with_own_credential, sent)

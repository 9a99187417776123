"""Another release in the site than in the cluster: one step at a time, and its check first."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from worlds.memory_cluster import MemoryCluster
from worlds.memory_keystone import MemoryKeystone
from worlds.sites import IMAGE, lab_site_with

from kuryr_runbook.applying.upgrade import UpgradeExecutor
from kuryr_runbook.clients.images.registry import RemoteImage
from kuryr_runbook.clients.openstack.reading import Credentials
from kuryr_runbook.model import support
from kuryr_runbook.model.errors import (
    ApplyError,
    DriftError,
    EarlierPhaseError,
    UnreachableError,
)
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.plan import Action, Plan, known_later
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.upgrades import RELEASE_LABEL, Installed
from kuryr_runbook.phases import controller, daemon
from kuryr_runbook.phases.controller import Controller, Login, Rotation
from kuryr_runbook.phases.daemon import Daemon
from kuryr_runbook.phases.earlier import image as earlier
from kuryr_runbook.planning.upgrade import RELEASE, RUNNING_PODS, plan_move
from kuryr_runbook.snapshots.cluster.installed import read_installed
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.specs import kuryr_conf
from kuryr_runbook.specs.controller import ControllerConfig, controller_reference
from kuryr_runbook.specs.daemon import DAEMON, daemon_manifests
from kuryr_runbook.specs.image import Reference
from kuryr_runbook.specs.upgrade_check import UPGRADE_CHECK

AUTH = {"auth_url": "https://k:5000/v3", "username": "k8s", "password": "word"}


class Cloud:
    """What the phase asks the cloud for, beside Keystone's credentials."""

    session = None

    def credentials(self) -> Credentials:
        return Credentials(auth=AUTH, region_name="RegionOne", ca_pem="ca")


class Cluster(MemoryCluster):
    """Runs a pod to its end; remembers in which order things were done."""

    status: int | None = 0
    """Exit status of Kuryr's check; None: it never ends."""
    said = "Result: Success"

    def __init__(self, *objects: dict[str, Any]) -> None:
        super().__init__(*objects)
        self.done: list[str] = []

    def apply(self, manifest: Mapping[str, Any], *, force: bool = False) -> dict[str, Any]:
        self.done.append(f"apply {manifest['kind']}")
        return super().apply(manifest, force=force)

    def delete(self, manifest: Mapping[str, Any]) -> None:
        if self.get(manifest) is not None:
            self.done.append(f"delete {manifest['kind']}")
        super().delete(manifest)

    def watch(
        self, api_version: str, kind: str, *, until: Callable[..., bool], **_: Any
    ) -> dict[str, dict[str, Any]]:
        seen = {item["metadata"]["name"]: item for item in self.list_objects(api_version, kind)}
        waiting = {"waiting": {"reason": "ImagePullBackOff"}}
        state = waiting if self.status is None else {"terminated": {"exitCode": self.status}}
        status = {"phase": "Pending", "containerStatuses": [{"name": "check", "state": state}]}
        found = {name: {**item, "status": status} for name, item in seen.items()}
        assert until(found) is (self.status is not None)
        return found

    def log(self, namespace: str, pod: str, *, lines: int = 30, container: str = "") -> str:
        assert (pod, container) == (UPGRADE_CHECK, "check")
        return self.said


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster in memory; of cloud and registry the phases see nothing."""
    monkeypatch.setattr(Controller, "configuration", configuration)
    for module in (controller, daemon):
        monkeypatch.setattr(module, "deployed_image", lambda site, *, ahead: IMAGE)
        monkeypatch.setattr(module, "registry_login", lambda site: "")
        monkeypatch.setattr(module, "wait_rolled_out", lambda cluster, manifest: None)
    monkeypatch.setattr(controller, "check_health", lambda *_: [])
    monkeypatch.setattr(earlier, "registry_of", lambda site: Registry())
    keystone = MemoryKeystone()
    monkeypatch.setattr(controller, "IdentityClient", lambda cloud: keystone)
    return Cluster()


@pytest.fixture(autouse=True)
def images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every release can be installed."""
    monkeypatch.setattr(support, "site_objections", lambda *_: iter(()))


def configuration(self: Controller, login: Login) -> ControllerConfig:
    neutron = kuryr_conf.login(login.auth, "RegionOne", private_ca=True)
    return ControllerConfig(conf={"neutron": neutron}, ca_pem="ca")


class Registry:
    """Has the images that it is given; by default it does not answer."""

    def __init__(self, **images: RemoteImage) -> None:
        self.images = images

    def remote_image(self, reference: Reference) -> RemoteImage | None:
        if not self.images:
            raise UnreachableError("registry: no answer")
        return next(iter(self.images.values()))


def phase(cluster: Cluster, release: str, kind: type[Any] = Controller, **more: Any) -> Any:
    site = lab_site_with(kuryr={"release": release, "vif_driver": "nested-vlan"})
    made = kind(site, **more)
    made.cloud, made.cluster = Cloud(), cluster
    return made


def install(cluster: Cluster, release: str) -> Plan:
    made = phase(cluster, release)
    plan: Plan = made.make_plan()
    made.carry_out(plan)
    return plan


def give_daemon(cluster: Cluster, release: str) -> None:
    for item in daemon_manifests(phase(cluster, release).site, IMAGE, "conf"):
        cluster.apply(item)


def label(cluster: Cluster) -> str:
    found = cluster.get(controller_reference(phase(cluster, "stein").site))
    return str((found or {})["metadata"]["labels"][RELEASE_LABEL])


def test_a_first_installation_and_a_second_run_ask_nothing(cluster: Cluster) -> None:
    assert RELEASE not in [step.target for step in install(cluster, "stein").steps]
    assert phase(cluster, "stein").make_plan().changes == ()
    assert "apply Pod" not in cluster.done


def test_the_new_release_looks_before_anything_is_changed(cluster: Cluster) -> None:
    install(cluster, "stein")
    cluster.done.clear()
    plan = install(cluster, "train")
    [first, *rest] = plan.steps
    assert first.target == RELEASE
    assert all(RELEASE in step.needs for step in rest)
    assert cluster.done[:2] == ["apply Pod", "delete Pod"]
    assert label(cluster) == "train"
    assert "update Deployment" in [f"{step.action} {step.target.kind}" for step in plan.changes]


@pytest.mark.parametrize(("status", "words"), [(2, "a failure"), (255, "it could not check")])
def test_a_no_leaves_all_as_it_was(cluster: Cluster, status: int, words: str) -> None:
    install(cluster, "stein")
    before = cluster.objects
    cluster.status, cluster.said = status, "You have 3 annotations in old format"
    made = phase(cluster, "train")
    with pytest.raises(ApplyError, match="done, and not undone: nothing") as caught:
        made.carry_out(made.make_plan())
    assert words in caught.value.message
    assert "3 annotations in old format" in caught.value.message
    assert cluster.objects == before
    assert label(cluster) == "stein"


def test_a_warning_is_shown_and_stops_nothing(cluster: Cluster) -> None:
    install(cluster, "stein")
    cluster.status, cluster.said = 1, "You have 1 malformed annotation"
    made = phase(cluster, "train")
    made.carry_out(made.make_plan())
    [finding] = made.findings()
    assert (finding.status, finding.evidence) == (Status.WARN, cluster.said)
    assert label(cluster) == "train"


def test_a_pod_that_never_ends_is_removed_and_its_state_shown(cluster: Cluster) -> None:
    install(cluster, "stein")
    cluster.status = None
    made = phase(cluster, "train")
    with pytest.raises(ApplyError, match="ImagePullBackOff"):
        made.carry_out(made.make_plan())
    assert not cluster.list_objects("v1", "Pod")


def test_one_that_a_killed_run_left_is_replaced(cluster: Cluster) -> None:
    install(cluster, "stein")
    plan = phase(cluster, "train").make_plan()
    cluster.apply(plan.steps[0].body)
    cluster.done.clear()
    UpgradeExecutor(cluster).execute(  # type: ignore[arg-type]
        plan.steps[0], plan.steps[0].body, lambda line: None
    )
    assert cluster.done == ["delete Pod", "apply Pod", "delete Pod"]


def test_the_plan_shows_what_moves_and_what_pods_notice(cluster: Cluster) -> None:
    install(cluster, "ussuri")
    step = phase(cluster, "victoria").make_plan().steps[0]
    told = {change.field: change.after for change in step.changes}
    assert told["VIF of a pod"] == "KuryrPort .status.vifs"
    assert told["custom resources"].startswith("KuryrPort, KuryrLoadBalancer")
    assert "cannot be reverted" in step.disturbs


@pytest.mark.parametrize("kind", [Controller, Daemon])
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_skipped_step_is_refused_in_plans_too(
    cluster: Cluster, kind: type[Any], dry_run: bool
) -> None:
    install(cluster, "stein")
    with pytest.raises(DriftError, match="3 steps") as caught:
        phase(cluster, "victoria", kind, dry_run=dry_run).make_plan()
    assert "set kuryr.release to train" in str(caught.value.remedy)


def test_an_upgrade_that_was_cut_off_is_ended_before_the_next_one(cluster: Cluster) -> None:
    install(cluster, "stein")
    give_daemon(cluster, "stein")
    install(cluster, "train")
    assert RELEASE not in [step.target for step in phase(cluster, "train").make_plan().changes]
    with pytest.raises(DriftError, match="the daemon runs Kuryr stein"):
        phase(cluster, "ussuri").make_plan()


def test_a_step_can_be_taken_back_where_state_is_shared(cluster: Cluster) -> None:
    install(cluster, "stein")
    give_daemon(cluster, "stein")
    install(cluster, "train")
    install(cluster, "stein")
    assert label(cluster) == "stein"
    install(cluster, "train")
    give_daemon(cluster, "train")
    install(cluster, "ussuri")
    assert label(cluster) == "ussuri"


def test_the_daemon_waits_for_the_controllers_release(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(cluster, "stein")
    give_daemon(cluster, "stein")
    monkeypatch.setattr(Daemon, "manifests", lambda self: [])
    with pytest.raises(EarlierPhaseError, match="controller runs Kuryr stein, not train"):
        phase(cluster, "train", Daemon).make_plan()
    phase(cluster, "train", Daemon, dry_run=True).make_plan()


def test_credentials_are_not_rotated_into_another_release(cluster: Cluster) -> None:
    install(cluster, "stein")
    with pytest.raises(EarlierPhaseError, match="another release than the site's train"):
        phase(cluster, "train", Rotation).make_plan()


def unmarked(cluster: Cluster) -> None:
    for item in cluster.objects:
        item["metadata"].get("labels", {}).pop(RELEASE_LABEL, None)


def test_without_a_mark_the_images_label_decides(cluster: Cluster) -> None:
    install(cluster, "stein")
    unmarked(cluster)
    site = phase(cluster, "stein").site
    labels = {"org.kuryr-runbook.release": "train"}
    registry = Registry(it=RemoteImage(digest="sha256:a", labels=labels, size=1))
    assert read_installed(site, cluster, registry) == Installed(controller="train", daemon=None)
    for silent in (Registry(), Unreadable("no login")):
        assert read_installed(site, cluster, silent).controller == ""
    with pytest.raises(DriftError, match="shows which release") as caught:
        phase(cluster, "stein").make_plan()
    assert RELEASE_LABEL in str(caught.value.remedy)


def test_nothing_is_asked_where_nothing_is_installed() -> None:
    nothing = Installed(controller=None, daemon=None)
    assert plan_move(nothing, RELEASES["train"], {}) is None
    assert list(nothing.releases()) == []


def state(**more: Any) -> str:
    """A pod's annotation, as Stein to Ussuri write it."""
    vif = {"versioned_object.name": "VIFVlanNested", "versioned_object.data": {"id": "port"}}
    fields = {"default_vif": vif, "additional_vifs": more}
    return json.dumps({"versioned_object.name": "PodState", "versioned_object.data": fields})


def pod(name: str, annotation: str = "", phase: str = "Running") -> dict[str, Any]:
    annotations = {"openstack.org/kuryr-vif": annotation} if annotation else {}
    metadata = {"name": name, "namespace": "shop", "uid": f"uid of {name}"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**metadata, "annotations": annotations, "finalizers": ["theirs"]},
        "spec": {"nodeName": "worker1"},
        "status": {"phase": phase},
    }


def test_pods_that_run_keep_their_ports_when_state_moves_to_custom_resources(
    cluster: Cluster,
) -> None:
    install(cluster, "ussuri")
    cluster.objects += [pod("web-1", state()), pod("host"), pod("job", state(), "Succeeded")]
    plan = install(cluster, "victoria")
    [step] = [step for step in plan.steps if step.target == RUNNING_PODS]
    assert "(1 pod now)" in step.because
    kinds = [step.target.kind for step in plan.steps]
    assert kinds.index("Deployment") < kinds.index("pods")
    [port] = cluster.list_objects("openstack.org/v1", "KuryrPort")
    assert port["metadata"]["name"] == "web-1"
    assert port["metadata"]["labels"] == {"kuryr.openstack.org/nodeName": "worker1"}
    assert port["spec"] == {"podUid": "uid of web-1", "podNodeName": "worker1"}
    vif = json.loads(state())["versioned_object.data"]["default_vif"]
    assert port["status"]["vifs"] == {"eth0": {"default": True, "vif": vif}}
    [web] = [p for p in cluster.list_objects("v1", "Pod") if p["metadata"]["name"] == "web-1"]
    assert web["metadata"]["finalizers"] == ["theirs", "kuryr.openstack.org/pod-finalizer"]
    assert phase(cluster, "victoria").make_plan().changes == ()


def test_further_interfaces_move_too_and_what_is_no_state_is_left_and_reported(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    install(cluster, "ussuri")
    more = {"versioned_object.data": {"id": "second"}}
    cluster.objects += [pod("two", state(eth1=more)), pod("odd", "{}"), pod("text", "none")]
    install(cluster, "victoria")
    [port] = cluster.list_objects("openstack.org/v1", "KuryrPort")
    assert port["status"]["vifs"]["eth1"] == {"default": False, "vif": more}
    told = capsys.readouterr().out
    assert "pod shop/odd is skipped" in told
    assert "pod shop/text is skipped" in told


def test_releases_that_look_into_annotations_move_nothing(cluster: Cluster) -> None:
    install(cluster, "stein")
    cluster.objects.append(pod("web-1", state()))
    assert RUNNING_PODS not in [step.target for step in install(cluster, "train").steps]


def test_the_pod_of_the_check_runs_as_the_controller_with_a_deadline(cluster: Cluster) -> None:
    install(cluster, "stein")
    pod = phase(cluster, "train").make_plan().steps[0].body
    spec = pod["spec"]
    assert (spec["serviceAccountName"], spec["restartPolicy"]) == ("kuryr-controller", "Never")
    assert spec["activeDeadlineSeconds"] > 0
    assert spec["hostNetwork"] is True
    [container] = spec["containers"]
    assert container["image"] == IMAGE
    assert "update-annotations" in container["command"][-1]
    assert pod["metadata"]["labels"]["name"] == UPGRADE_CHECK != DAEMON
    assert Action.UPDATE is phase(cluster, "train").make_plan().steps[0].action
    assert known_later("x") not in str(pod)

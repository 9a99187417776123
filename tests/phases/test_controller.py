"""Phase 03 and rotation, cut off anywhere: Kuryr can always log in, and nothing is left over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds.memory_cluster import CLUSTER_ID, MemoryCluster
from worlds.memory_keystone import MemoryKeystone
from worlds.sites import IMAGE, lab_site, lab_site_with

from kuryr_runbook.clients.kubernetes.api import Preview
from kuryr_runbook.clients.kubernetes.errors import FieldConflict
from kuryr_runbook.clients.openstack.reading import Credentials
from kuryr_runbook.model.errors import (
    AccessError,
    ApplyError,
    DeadlineError,
    EarlierPhaseError,
    UnreachableError,
)
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.plan import Action, Done
from kuryr_runbook.phases import controller
from kuryr_runbook.phases.controller import Controller, Login, Rotation
from kuryr_runbook.phases.earlier import image as earlier
from kuryr_runbook.snapshots.cloud.credentials import CredentialSnapshot, read_credentials
from kuryr_runbook.specs import kuryr_conf
from kuryr_runbook.specs.controller import CA_SECRET, ControllerConfig, references
from kuryr_runbook.specs.credentials import is_owned

AUTH = {"auth_url": "https://k:5000/v3", "username": "k8s", "password": "pass$word"}
WRITES = 8
"""No plan of these tests has more, but for access rules that nothing uses."""


class Killed(BaseException):
    """The process was killed here: no handler of ours may catch it."""


class Cloud:
    """What the phase asks the cloud for, beside Keystone's credentials."""

    session = None

    def credentials(self) -> Credentials:
        return Credentials(auth=AUTH, region_name="RegionOne", ca_pem="ca")


class Cluster(MemoryCluster):
    """Starts the controller's pods anew when their template changes, as Kubernetes does."""

    started_with = ""
    """What the pods of now read when they started."""

    def apply(self, manifest: Mapping[str, Any], *, force: bool = False) -> dict[str, Any]:
        before = self.get(manifest)
        after = super().apply(manifest, force=force)
        if manifest["kind"] == "Deployment" and before != after:
            secret, _ = references(lab_site())
            self.started_with = (self.get(secret) or {"data": {}})["data"].get("kuryr.conf", "")
        return after


class World:
    """Keystone and cluster, with the promises that hold at every moment."""

    def __init__(self) -> None:
        self.keystone = MemoryKeystone()
        self.cluster = Cluster()
        self.left: int | None = None
        self.keystone.on_write = self.cluster.on_write = self.count
        self.keystone.on_delete = self.is_of_no_use
        self.foreign = self.keystone.add(name="kuryr-lab-9", description="an operator's")
        self.writes = 0
        self.configurations = 0
        """How often cloud and registry were read for what the controller reads."""
        self.well = True

    def count(self) -> None:
        if self.left is not None:
            if self.left == 0:
                raise Killed
            self.left -= 1
        self.writes += 1

    def is_of_no_use(self, credential_id: str) -> None:
        """A controller that starts at this moment, or runs, must not need what is deleted."""
        seen = self.read()
        assert seen.used is None or seen.used.id != credential_id
        assert self.keystone.items[credential_id]["name"] != seen.deployed
        assert credential_id != self.foreign["id"]

    def phase(self, kind: type[Controller], **kuryr: Any) -> Controller:
        phase = kind(lab_site_with(kuryr=kuryr))
        phase.cloud, phase.cluster = Cloud(), self.cluster  # type: ignore[assignment]
        return phase

    def read(self) -> CredentialSnapshot:
        return read_credentials(self.phase(Controller).site, self.keystone, self.cluster)

    def ours(self) -> list[dict[str, Any]]:
        site = self.phase(Controller).site
        return [
            item
            for item in self.keystone.items.values()
            if is_owned(site, CLUSTER_ID, item["description"])
        ]


@pytest.fixture(scope="module")
def make_world() -> Iterator[Callable[[], World]]:
    """Phases that read nothing of Neutron and of the registry, in a world that may be made anew."""
    current: list[World] = []

    def configuration(self: Controller, login: Login) -> ControllerConfig:
        current[0].configurations += 1
        neutron = kuryr_conf.login(login.auth, "RegionOne", private_ca=True)
        return ControllerConfig(conf={"neutron": neutron}, ca_pem="ca", credential=login.credential)

    def findings(*_: Any) -> list[Finding]:
        status = Status.PASS if current[0].well else Status.FAIL
        return [Finding(check="c", title="/ready", status=status, evidence="Keystone says 401")]

    def make() -> World:
        current[:] = [World()]
        return current[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Controller, "configuration", configuration)
        patch.setattr(controller, "deployed_image", lambda site, *, ahead: IMAGE)
        patch.setattr(controller, "registry_login", lambda site: "")
        patch.setattr(earlier, "registry_of", lambda site: None)
        patch.setattr(controller, "wait_rolled_out", lambda cluster, manifest: None)
        patch.setattr(controller, "check_health", findings)
        patch.setattr(controller, "WELL_SECONDS", 0)
        patch.setattr(controller, "IdentityClient", lambda cloud: current[0].keystone)
        yield make


OWN = {"credentials": "application_credential"}
MEMBER = OWN | {"credential_roles": ["member"]}
RULED = OWN | {"credential_access_rules": True}
SITES = st.sampled_from([{}, OWN, MEMBER, RULED])
ACTS = st.sampled_from(["run", "rotate", "lose the Secret", "change the Secret", "delete by hand"])
CUTS = st.none() | st.integers(0, WRITES)


def act(world: World, what: str, kuryr: dict[str, Any], cut: int | None) -> None:
    secret, _ = references(world.phase(Controller).site)
    match what:
        case "run" | "rotate":
            world.left = cut
            kind = Rotation if what == "rotate" else Controller
            try:
                phase = world.phase(kind, **kuryr)
                phase.carry_out(phase.make_plan())
            except (Killed, EarlierPhaseError):
                pass
            finally:
                world.left = None
        case "lose the Secret":
            world.cluster.delete(secret)
        case "change the Secret":
            if found := world.cluster.get(secret):
                found["data"]["kuryr.conf"] = "W25ldXRyb25d"
                world.cluster.apply(found)
        case "delete by hand":
            for item in world.ours()[:1]:
                world.keystone.items.pop(item["id"])


@given(st.lists(st.tuples(ACTS, SITES, CUTS), max_size=6), SITES)
def test_whatever_happened_a_run_ends_with_exactly_one_that_works(
    make_world: Callable[[], World],
    past: list[tuple[str, dict[str, Any], int | None]],
    kuryr: dict[str, Any],
) -> None:
    world = make_world()
    for what, of_then, cut in past:
        act(world, what, of_then, cut)
    phase = world.phase(Controller, **kuryr)
    phase.carry_out(phase.make_plan())
    seen = world.read()
    if kuryr:
        [ours] = world.ours()
        assert seen.used is not None
        assert (seen.used.id, seen.used.accepted) == (ours["id"], True)
        assert seen.deployed == ours["name"]
        assert ours["description"].endswith(",".join(kuryr.get("credential_roles", ["admin"])))
        assert ("access_rules" in ours) == ("credential_access_rules" in kuryr)
    else:
        assert (world.ours(), seen.used, seen.deployed) == ([], None, "")
    used = {rule["id"] for ours in world.ours() for rule in ours.get("access_rules", ())}
    assert set((world.keystone.rules or {}).values()) == used
    assert world.foreign["id"] in world.keystone.items
    secret, _ = references(phase.site)
    assert world.cluster.started_with == (world.cluster.get(secret) or {})["data"]["kuryr.conf"]
    assert [str(step.target) for step in phase.make_plan().changes] == []


def test_a_new_credential_costs_one_reading_of_the_world(make_world: Callable[[], World]) -> None:
    world = make_world()
    phase = world.phase(Controller, **OWN)
    phase.carry_out(phase.make_plan())
    assert world.ours()
    assert world.configurations == 1


def test_a_login_goes_into_somebody_elses_secret_which_stays_theirs(
    make_world: Callable[[], World],
) -> None:
    world = make_world()
    secret, _ = references(world.phase(Controller).site)
    theirs = {**secret, "metadata": {**secret["metadata"], "labels": {"of": "them"}}}
    world.cluster.objects.append(theirs)
    phase = world.phase(Controller, **OWN)
    phase.carry_out(phase.make_plan())
    written = world.cluster.get(secret) or {}
    assert written["metadata"]["labels"] == {"of": "them"}
    assert world.read().used is not None
    assert phase.make_plan().changes == ()


@pytest.mark.parametrize("cut", range(WRITES))
@pytest.mark.parametrize("again", [Controller, Rotation])
def test_a_rotation_cut_off_anywhere_converges(
    make_world: Callable[[], World], cut: int, again: type[Controller]
) -> None:
    world = make_world()
    act(world, "run", OWN, None)
    [first] = world.ours()
    act(world, "rotate", OWN, cut)
    phase = world.phase(again, **OWN)
    phase.carry_out(phase.make_plan())
    [last] = world.ours()
    seen = world.read()
    assert seen.used is not None
    assert seen.used.accepted
    assert seen.deployed == last["name"]
    assert (last["id"] != first["id"]) or (again is Controller and cut < 2)


def test_an_unwell_controller_keeps_the_old_one_and_says_what_was_seen(
    make_world: Callable[[], World],
) -> None:
    world = make_world()
    act(world, "run", OWN, None)
    world.well = False
    with pytest.raises(DeadlineError, match="Keystone says 401"):
        act(world, "rotate", OWN, None)
    assert len(world.ours()) == 2
    world.well = True
    act(world, "run", OWN, None)
    [left] = world.ours()
    assert left["name"] == world.read().deployed


def test_a_secret_that_the_cluster_would_refuse_costs_no_credential(
    make_world: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    phase = world.phase(Controller, **OWN)

    def preview(manifest: Mapping[str, Any]) -> Preview:
        raise ApplyError("admission webhook: no Secrets here")

    monkeypatch.setattr(world.cluster, "preview", preview)
    with pytest.raises(ApplyError):
        phase.make_plan()
    assert world.ours() == []


def test_a_secret_that_another_manager_holds_is_reported_before_there_is_a_credential(
    make_world: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    phase = world.phase(Controller, **OWN)
    conflict = FieldConflict("kubectl-edit", ".data.kuryr.conf")
    preview = Preview({"metadata": {}}, (conflict,))
    monkeypatch.setattr(world.cluster, "preview", lambda manifest: preview)
    [step, *_] = phase.make_plan().steps
    assert step.conflicts == (".data.kuryr.conf (kubectl-edit)",)
    assert world.ours() == []


REFUSES = "/ports?limit=1"
PERMITS = "/lbaas/l7policies?limit=1"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        (REFUSES, 401, "service_type = network in \\[keystone_authtoken\\] of neutron.conf"),
        (REFUSES, 403, "credential_roles"),
        (PERMITS, 200, "keystonemiddleware"),
    ],
)
def test_access_rules_that_a_service_does_not_enforce_are_found_before_kuryr_has_them(
    make_world: Callable[[], World], path: str, status: int, words: str
) -> None:
    world = make_world()
    act(world, "run", OWN, None)
    [before] = world.ours()
    world.keystone.answers = {path: status}
    with pytest.raises(ApplyError, match=words) as caught:
        act(world, "run", RULED, None)
    assert "kuryr-lab-11 was deleted again, and Kuryr's login is as it was" in caught.value.message
    assert "leave out kuryr.credential_access_rules" in str(caught.value.remedy)
    assert world.ours() == [before]
    assert world.read().used is not None
    act(world, "run", OWN, None)
    assert world.ours() == [before]
    assert world.keystone.rules == {}


def test_a_credential_whose_trial_got_no_answer_is_deleted(
    make_world: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()

    def silent(*_: object) -> dict[str, int]:
        raise UnreachableError("Octavia does not answer")

    monkeypatch.setattr(world.keystone, "statuses", silent)
    with pytest.raises(ApplyError, match="Octavia does not answer"):
        act(world, "run", RULED, None)
    assert world.ours() == []


def test_both_services_are_tried_and_rotation_keeps_the_rules(
    make_world: Callable[[], World],
) -> None:
    world = make_world()
    act(world, "run", RULED, None)
    [before] = world.ours()
    act(world, "rotate", RULED, None)
    [after] = world.ours()
    assert after["id"] != before["id"]
    assert after["access_rules"] == before["access_rules"]
    assert world.keystone.tried == ["network", "load_balancer"] * 2


def test_a_rule_that_keystone_keeps_stops_nothing(
    make_world: Callable[[], World],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = make_world()
    act(world, "run", RULED, None)

    def refuse(rule_id: str) -> None:
        raise AccessError("May not delete access rule in use")

    monkeypatch.setattr(world.keystone, "delete_access_rule", refuse)
    act(world, "run", OWN, None)
    assert "rule-0 is kept: May not delete access rule in use" in capsys.readouterr().out
    assert len(world.ours()) == 1


def test_no_plan_and_no_outcome_holds_a_secret(make_world: Callable[[], World]) -> None:
    world = make_world()
    phase = world.phase(Controller, **OWN)
    plan = phase.make_plan()
    outcomes = phase.carry_out(plan)
    secrets = world.keystone.secrets.values()
    assert not [word for word in secrets if word in repr(plan) + repr(outcomes)]
    assert {item.done for item in outcomes} == {Done.DONE}


def test_the_sites_own_login_is_taken_over_when_it_changes(
    make_world: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    act(world, "run", {}, None)
    rotation = world.phase(Rotation)
    assert rotation.make_plan().changes == ()
    monkeypatch.setitem(AUTH, "password", "another")
    plan = rotation.make_plan()
    assert [str(step.target) for step in plan.changes] == [
        "Secret kube-system/kuryr-config",
        "Deployment kube-system/kuryr-controller",
    ]


def test_there_is_nothing_to_rotate_without_a_controller(make_world: Callable[[], World]) -> None:
    with pytest.raises(EarlierPhaseError, match="no controller"):
        make_world().phase(Rotation, **OWN).make_plan()


def test_the_secret_of_a_new_one_is_written_by_the_step_that_makes_it(
    make_world: Callable[[], World],
) -> None:
    world = make_world()
    plan = world.phase(Controller, **OWN).make_plan()
    assert [str(step.target) for step in plan.steps][:2] == [
        "application_credential kuryr-lab-10",
        f"Secret kube-system/{CA_SECRET}",
    ]
    assert "Secret kube-system/kuryr-config" not in [str(step.target) for step in plan.steps]
    assert not [step for step in plan.steps if step.action is Action.DELETE]

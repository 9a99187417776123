"""Phase 90 around its checks: what it draws and keeps, and what it mends when it is told to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from spoiling.diagnosis import pair_lost
from worlds.memory_leases import MemoryLeases
from worlds.mendable import MendableWorld
from worlds.objects import moments_ago
from worlds.world import World

from kuryr_runbook.display.path_picker import Choosing
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import AccessError, DriftError
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.plan import Action, Outcome, Plan, Step, Target
from kuryr_runbook.phases import settling, troubleshooting
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.catalogue import TROUBLESHOOTING, PhaseEntry
from kuryr_runbook.phases.troubleshooting import Troubleshooting
from kuryr_runbook.phases.waits import polling
from kuryr_runbook.snapshots.cluster.objects import reference
from kuryr_runbook.snapshots.diagnosis import DiagnosisSnapshot, load_snapshot


def phase(world: World) -> Troubleshooting:
    made = Troubleshooting(world.site)
    made.cloud, made.cluster = world, world  # type: ignore[assignment]
    made.leases = MemoryLeases()
    return made


def unwrapped(drawing: object) -> str:
    return " ".join(str(drawing).replace("│", " ").split())


def test_it_is_in_the_catalogue_and_plans_nothing_where_all_is_well() -> None:
    assert TROUBLESHOOTING.load() is Troubleshooting
    made = phase(World())
    assert made.make_plan().steps == ()
    assert made.carry_out(made.make_plan()) == []


def test_a_finding_is_an_answer_and_no_error() -> None:
    world = World()
    world.remove("port", "port-web-1")
    view = phase(world).check()
    assert "FAIL" in view.text
    assert "pod default/web-1" in view.html


def test_the_way_is_drawn_from_what_was_read_last() -> None:
    world = World()
    made = phase(world)
    made.check()
    asked = len(world.asked)
    view = made.trace(pod="web-1")
    assert len(world.asked) == asked
    assert "allows the pair" in view.text
    assert "node's port" not in made.trace(pod="none").text
    assert "Octavia" not in made.trace().text
    assert view.data["hops"][0]["what"] == "pod"


def test_the_picture_is_drawn_from_what_was_read_last() -> None:
    world = World()
    world.remove("port", "port-web-1")
    made = phase(world)
    made.check()
    asked = len(world.asked)
    view = made.picture()
    assert len(world.asked) == asked
    assert "web-1: 10.64.0.11  ✗1" in view.text
    assert "<svg " in view.html
    assert 'href="#finding-pod-port-missing"' in view.html


def test_the_picture_leads_to_the_table_of_check_and_of_nothing_else() -> None:
    world = World()
    world.remove("port", "port-web-1")
    made = phase(world)
    assert 'id="finding-pod-port-missing"' in made.check().html
    assert " id=" not in made.picture().html


def test_a_path_is_chosen_where_there_is_somebody_to_choose(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = phase(World())
    headless = made.trace()
    assert not isinstance(headless, Choosing)
    monkeypatch.setattr(troubleshooting, "is_interactive", lambda: True)
    view = made.trace()
    assert isinstance(view, Choosing)
    assert view.text == headless.text
    assert not isinstance(made.trace(pod="web-1"), Choosing)


def test_it_reads_when_nothing_was_read_yet(tmp_path: Path) -> None:
    world = World()
    file = tmp_path / "snapshot.json"
    phase(world).save(file)
    assert load_snapshot(file).site == world.site


@pytest.mark.parametrize(
    ("driver", "said"),
    [
        (VifDriver.NESTED_MACVLAN, "node's port worker2 allows the pair"),
        (VifDriver.NESTED_VLAN, "trunk trunk-worker2 ACTIVE carries the pod's"),
        (VifDriver.NEUTRON_VIF, "port port-web-1"),
    ],
)
def test_the_way_is_that_of_the_driver(driver: VifDriver, said: str) -> None:
    drawn = str(phase(World(driver=driver)).trace(pod="web-1"))
    assert "FAIL" not in drawn
    assert all(word in drawn for word in said.split())
    assert ("node's port" in drawn) is (driver is not VifDriver.NEUTRON_VIF)


def test_where_the_way_ends_is_a_failure() -> None:
    world = World(driver=VifDriver.NESTED_VLAN)
    world.resource("trunk", "trunk-worker2")["sub_ports"].clear()
    world.remove("listener", "l-default/web-0")
    drawn = unwrapped(phase(world).trace(pod="web-1", service="web-0"))
    assert "does NOT carry the pod's" in drawn
    assert "there is none" in drawn
    assert "there is none with that name" in str(phase(world).trace(pod="gone"))
    assert "there is none that Kuryr serves" in str(phase(world).trace(service="gone"))


@pytest.mark.parametrize(
    "what", ["Pod", "Service", "Endpoints", "port", "loadbalancer", "listener", "pool", "member",
             "security_group_rule", "subnet"],
)  # fmt: skip
def test_what_was_not_read_is_drawn_as_unknown(what: str) -> None:
    world = World()
    world.broken = {what: AccessError(f"no {what}")}
    made = phase(world)
    drawn = f"{made.trace(pod='web-1')}\n{made.trace(service='web-0')}"
    assert f"could not look: no {what}" in unwrapped(drawn)


def broken(*, scaled: bool = False) -> MendableWorld:
    """A pod's pair is lost, and the controller may be scaled to nothing."""
    world = MendableWorld()
    world.node_port("worker2")["allowed_address_pairs"].pop()
    if scaled:
        world.object("Deployment", "kuryr-controller")["spec"]["replicas"] = 0
    return world


def test_a_fix_is_shown_first_and_done_when_that_is_agreed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = broken()
    made = phase(world)
    assert "pair of 10.64.0.13: absent" in str(made.plan())
    assert "nothing was changed" in made.fix(agreed=False).text
    assert world.touched == []
    assert "nothing is wrong" in made.fix(agreed=True).text
    assert world.touched == ["port-worker2"]
    assert "Outcome of troubleshooting" in capsys.readouterr().out
    assert made.leases.read() is None
    assert made.make_plan().steps == ()


def test_a_dry_run_fixes_nothing() -> None:
    world = broken()
    made = phase(world)
    made.dry_run = True
    made.plan()
    made.fix(agreed=True)
    assert world.touched == []


class Scaling(Phase):
    """Stands for phase 03 where the controller was scaled to nothing."""

    name = "controller"
    conflict = ".spec.replicas (kubectl)"
    error: DriftError | None = None

    def make_plan(self) -> Plan:
        if self.error:
            raise self.error
        target, kept = Target("Deployment", "kube-system/kuryr-controller"), Target("Secret", "s")
        step = Step(
            action=Action.UPDATE,
            target=target,
            because="1 field differs",
            after=frozenset({kept}),
            conflicts=(self.conflict,),
        )
        secret = Step(action=Action.KEEP, target=kept, because="is as wanted")
        return Plan(phase=self.name, steps=(secret, step) if self.is_none else (secret,))

    @property
    def is_none(self) -> bool:
        found = self.cluster.get(reference("Deployment", "kuryr-controller", "kube-system"))
        return found is not None and found["spec"]["replicas"] == 0

    def carry_out(self, plan: Plan) -> list[Outcome]:
        found = self.cluster.get(reference("Deployment", "kuryr-controller", "kube-system"))
        assert found is not None
        found["spec"]["replicas"] = 1
        return []

    def findings(self) -> Iterable[Finding]:
        raise AssertionError("diagnosis looks by itself")


@pytest.fixture
def phase_03(monkeypatch: pytest.MonkeyPatch) -> type[Scaling]:
    class Fresh(Scaling):
        pass

    monkeypatch.setattr(PhaseEntry, "load", lambda entry: Fresh)
    return Fresh


def test_what_a_phase_owns_is_fixed_by_its_own_plan(phase_03: type[Scaling]) -> None:
    world = broken(scaled=True)
    made = phase(world)
    plan = made.make_plan()
    assert [step.target.kind for step in plan.steps] == ["address_pairs", "Deployment"]
    made.plan()
    made.apply()
    assert made.left()[0].status == "pass"


def test_no_other_field_is_taken_from_another_manager(phase_03: type[Scaling]) -> None:
    phase_03.conflict = ".spec.template.spec.image (kubectl)"
    world = broken(scaled=True)
    made = phase(world)
    made.plan()
    with pytest.raises(DriftError, match="other managers hold"):
        made.apply()
    assert world.touched == []


def test_a_phase_that_cannot_plan_leaves_the_rest_to_be_fixed(
    phase_03: type[Scaling], capsys: pytest.CaptureFixture[str]
) -> None:
    phase_03.error = DriftError("what exists does not fit", remedy="fix the site file")
    made = phase(broken(scaled=True))
    assert [step.target.kind for step in made.make_plan().steps] == ["address_pairs"]
    said = capsys.readouterr().out
    assert "phase controller cannot fix anything: what exists does not fit" in said
    assert "fix the site file" in said


def test_what_stays_broken_is_waited_for_no_longer_than_a_while(
    phase_03: type[Scaling], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(troubleshooting, "FIXED_SECONDS", 0.0)
    world = broken(scaled=True)
    made = phase(world)
    made.plan()
    assert made.left()[0].check == "controller-replicas"


def young_without_pair() -> tuple[World, list[dict[str, str]]]:
    """A pod that was just created, and whose pair is there a moment later."""
    world = World()
    pairs = [*world.node_port("worker2")["allowed_address_pairs"]]
    pair_lost(world)
    world.object("Pod", "web-3")["metadata"]["creationTimestamp"] = moments_ago(5)
    return world, pairs


def bad(findings: Iterable[Finding]) -> list[str]:
    return [it.check for it in findings if it.status in (Status.FAIL, Status.WARN)]


def test_what_has_just_changed_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(polling, "STEP_SECONDS", 0.0)
    world, pairs = young_without_pair()
    made = phase(world)
    read = made.read

    def reading() -> DiagnosisSnapshot:
        seen = read()
        world.node_port("worker2")["allowed_address_pairs"] = pairs
        return seen

    monkeypatch.setattr(made, "read", reading)
    assert bad(made.findings()) == []
    assert "just changed: pod default/web-3" in capsys.readouterr().out


def test_what_is_still_there_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "SETTLING_SECONDS", 0.0)
    world, _ = young_without_pair()
    assert bad(phase(world).findings()) == ["address-pair"]

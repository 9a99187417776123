"""Phase 00 around its checks: what stops a run, what is only told, and that it always looks."""

from __future__ import annotations

import pytest
from spoiling.preflight import unspoilt
from worlds.apis import REFUSED
from worlds.objects import program
from worlds.world import World

from kuryr_runbook.model.errors import CheckError, UnknownError
from kuryr_runbook.phases import preflight
from kuryr_runbook.phases.catalogue import PHASES
from kuryr_runbook.phases.preflight import Preflight


def phase(world: World, monkeypatch: pytest.MonkeyPatch, *, dry_run: bool = False) -> Preflight:
    made = Preflight(world.site, dry_run=dry_run)
    made.probed_cloud, made.probed_cluster = world, world  # type: ignore[assignment]
    monkeypatch.setattr(preflight, "registry_of", lambda site: world.registry)
    return made


def test_it_is_the_first_phase() -> None:
    assert PHASES[0].load() is Preflight


def test_all_in_order_passes_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = unspoilt()
    made = phase(world, monkeypatch)
    assert "FAIL" not in made.check().text
    assert made.make_plan().steps == ()


def test_all_failures_are_in_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    world = unspoilt()
    world.balancer = REFUSED
    world.put(program("DaemonSet", "kube-proxy"))
    with pytest.raises(CheckError, match="preflight: 2 of") as caught:
        phase(world, monkeypatch).check()
    assert "kube-system/kube-proxy" in caught.value.message
    assert "load-balancer_member" in str(caught.value.remedy)


def test_what_could_not_be_looked_at_stops_too(monkeypatch: pytest.MonkeyPatch) -> None:
    world = unspoilt()
    world.kubernetes = "unknown"
    with pytest.raises(UnknownError, match="is not a version") as caught:
        phase(world, monkeypatch).check()
    assert "--only NAME" in str(caught.value.remedy)


def test_a_warning_is_shown_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = unspoilt()
    world.pair_limit = 10
    phase(world, monkeypatch).check()
    told = capsys.readouterr().out
    assert "warning: A worker's port accepts an address pair for each of its pods: 10 are" in told
    assert "max_allowed_address_pair" in told


def test_a_dry_run_looks_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    world = unspoilt()
    world.balancer = REFUSED
    with pytest.raises(CheckError):
        phase(world, monkeypatch, dry_run=True).check()


def test_a_missing_file_is_a_finding_among_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = unspoilt()
    missing = tmp_path_factory.mktemp("empty") / "none"
    world.change_site("openstack", clouds_yaml=missing)
    made = Preflight(world.site)
    made.probed_cluster = world  # type: ignore[assignment]
    monkeypatch.setattr(preflight, "registry_of", lambda site: world.registry)
    with pytest.raises(CheckError, match="preflight: 1 of") as caught:
        made.check()
    assert f"{missing} cannot be read" in caught.value.message

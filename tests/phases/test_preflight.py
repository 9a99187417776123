"""Phase 00 around its checks: what stops a run, what is only told, and that it always looks."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from spoiling.preflight import unspoilt
from worlds.apis import REFUSED
from worlds.objects import program
from worlds.world import World

from kuryr_runbook.model.errors import CheckError, UnknownError
from kuryr_runbook.model.options import Options
from kuryr_runbook.phases import preflight
from kuryr_runbook.phases.catalogue import PHASES
from kuryr_runbook.phases.preflight import Preflight
from kuryr_runbook.phases.site.probing import Question
from kuryr_runbook.snapshots.cluster.node_probes import Probed
from kuryr_runbook.snapshots.cluster.objects import Node


def phase(
    world: World, monkeypatch: pytest.MonkeyPatch, *, dry_run: bool = False, probe: bool = False
) -> Preflight:
    made = Preflight(world.site, dry_run=dry_run, options=Options(probe_nodes=probe))
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


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Question]:
    """What nodes are asked for; they answer that everything is in order."""
    questions: list[Question] = []

    def ask_nodes(question: Question, nodes: tuple[Node, ...], cluster: object) -> object:
        questions.append(question)
        return tuple(Probed(node=node.name, pull="", own="ens3") for node in nodes)

    monkeypatch.setattr(preflight, "ask_nodes", ask_nodes)
    monkeypatch.setattr(preflight, "registry_login", lambda site: "{}")
    monkeypatch.setattr(Preflight, "locked", lambda self: nullcontext())
    monkeypatch.setattr(Preflight, "cluster", None)
    return questions


def test_nodes_are_only_probed_when_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, asked: list[Question]
) -> None:
    world = unspoilt()
    assert "it takes a pod on each node" in " ".join(phase(world, monkeypatch).check().text.split())
    assert asked == []
    found = phase(world, monkeypatch, dry_run=True, probe=True).check()
    assert "a dry run creates nothing" in " ".join(found.text.split())
    assert asked == []


def test_the_image_is_pulled_by_its_digest_with_the_registrys_login(
    monkeypatch: pytest.MonkeyPatch, asked: list[Question]
) -> None:
    world = unspoilt()
    world.registry.names.append(f"{world.site.image.repository}:stein")
    found = phase(world, monkeypatch, probe=True).check()
    [question] = asked
    assert question.pull == question.look == f"{world.site.image.repository}@sha256:abc"
    assert (question.namespace, question.login) == ("kube-system", "{}")
    assert "ens3 has the address of each of 2 nodes" in " ".join(found.text.split())


@pytest.mark.parametrize("is_near", [True, False])
def test_before_phase_01_the_base_image_is_pulled_if_it_is_in_the_registry(
    is_near: bool, monkeypatch: pytest.MonkeyPatch, asked: list[Question]
) -> None:
    world = unspoilt()
    registry = world.site.image.repository.partition("/")[0]
    base = f"{registry if is_near else 'other.test'}/debian:12"
    world.change_site("image", base_image=base)
    world.registry.names.append(base)
    phase(world, monkeypatch, probe=True).check()
    [question] = asked
    if is_near:
        assert question.pull == question.look == f"{registry}/debian@sha256:abc"
    else:
        assert (question.pull, question.look) == (f"{world.site.image.repository}:stein", "")


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

"""Phase 10 as a notebook calls it: it looks at whatever Kuryr there is, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from worlds.installed import SECRET, SHAPES, installed, upstream_yoga
from worlds.world import World

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import AccessError, CheckError, FileError, UnknownError
from kuryr_runbook.model.options import PARAMETERS
from kuryr_runbook.model.plan import Action
from kuryr_runbook.model.site_file import drafted_blanks
from kuryr_runbook.phases import audit
from kuryr_runbook.phases.audit import Audit
from kuryr_runbook.phases.catalogue import AUDIT
from kuryr_runbook.phases.site import audited, draft

Put = Callable[[World], World]


@pytest.fixture
def parameters() -> dict[str, Any]:
    """Those of the notebook's cell, with a cloud."""
    empty: dict[str, Any] = {name: {} for name in PARAMETERS}
    return {**empty, "name": "", "dry_run": False, "openstack": {"cloud": "k8s"}}


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Put:
    def put(world: World) -> World:
        for module in (audited, draft, audit):
            for name in ("ProbingCluster", "ProbingCloud", "AskingCloud"):
                if hasattr(module, name):
                    monkeypatch.setattr(module, name, lambda *where: world)
        return world

    return put


def test_it_is_in_the_catalogue_and_plans_nothing(there: Put, parameters: dict[str, Any]) -> None:
    assert AUDIT.load() is Audit
    there(upstream_yoga())
    phase = Audit.begin(parameters)
    assert phase.make_plan().steps == ()
    assert phase.carry_out(phase.make_plan()) == []


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_looked_at_and_no_output_has_the_login(
    shape: str, there: Put, parameters: dict[str, Any], tmp_path: Path
) -> None:
    there(SHAPES[shape]())
    phase = Audit.begin(parameters)
    views = [phase.recognized(), phase.take_over(), phase.preflight(), phase.check(),
             phase.picture(), phase.trace(pod="web-1"), phase.trace(),
             phase.write(tmp_path / "a.yaml")]  # fmt: skip
    for view in views:
        assert SECRET not in view.text
        assert SECRET not in view.html
        assert SECRET not in json.dumps(dict(view.data))
    assert SECRET not in (tmp_path / "a.yaml").read_text()
    assert {it.status for it in phase.diagnosed} <= {"pass", "skip"}
    assert not any("orphaned" in it.check for it in phase.diagnosed if it.status == "warn")


def test_what_is_wrong_with_it_is_found_by_the_names_that_it_has(
    there: Put, parameters: dict[str, Any]
) -> None:
    world = there(upstream_yoga())
    world.objects["Deployment"][0]["spec"]["replicas"] = 0
    world.objects["Pod"] = [
        it for it in world.objects["Pod"] if it["metadata"]["name"] != "kuryr-cni-ds-1"
    ]
    text = " ".join(Audit.begin(parameters).check().text.split())
    assert "Deployment kube-system/kuryr-controller is scaled to 0" in text
    assert "no pod of DaemonSet kube-system/kuryr-cni-ds on worker2" in text
    assert "diagnose --fix" not in text


def test_the_written_file_is_a_site_but_for_what_nobody_knows(
    there: Put, parameters: dict[str, Any], tmp_path: Path
) -> None:
    there(upstream_yoga())
    phase, path = Audit.begin(parameters), tmp_path / "a.yaml"
    assert "nothing was written" in phase.write().text
    assert "was written" in " ".join(phase.write(path).text.split())
    blanks = {it.key for it in drafted_blanks(path.read_text(), "a.yaml")}
    assert blanks == {"image.repository", "kuryr.release"}
    with pytest.raises(FileError):
        phase.write(path)


@pytest.mark.parametrize("shape", SHAPES)
def test_phase_02_would_use_what_is_there_and_remove_nothing(
    shape: str, there: Put, parameters: dict[str, Any]
) -> None:
    there(SHAPES[shape]())
    compared = Audit.begin(parameters).look.compared
    assert compared.problems == []
    assert {it.action for it in compared.steps} <= {Action.KEEP, Action.UPDATE, Action.CREATE}
    made = {it.target.kind for it in compared.steps if it.action is Action.CREATE}
    assert made <= {"security_group_rule"}


def test_what_is_given_is_not_blank(there: Put, parameters: dict[str, Any]) -> None:
    there(upstream_yoga())
    parameters["image"] = {"repository": "registry.test/kuryr"}
    parameters["kuryr"] = {"release": "zed"}
    phase = Audit.begin(parameters)
    assert (phase.site.image.repository, phase.site.release.name) == ("registry.test/kuryr", "zed")


def test_the_runbooks_own_is_looked_at_without_a_site_file(
    there: Put, parameters: dict[str, Any]
) -> None:
    there(installed(VifDriver.NESTED_MACVLAN, "yoga"))
    phase = Audit.begin(parameters)
    assert "this runbook" in phase.recognized().text
    assert "nothing to take over" in phase.take_over().text
    assert phase.audited.places is None
    assert phase.site.name == "lab"


def empty(world: World) -> None:
    for kind in ("Pod", "Deployment", "DaemonSet", "CustomResourceDefinition", "ConfigMap"):
        world.objects[kind] = []
    world.objects["Secret"] = []


def without_programs(world: World) -> None:
    world.objects["Deployment"], world.objects["DaemonSet"] = [], []


def twice(world: World) -> None:
    world.put(*installed(VifDriver.NESTED_MACVLAN, "yoga").objects["DaemonSet"])


def without_controller(world: World) -> None:
    world.objects["Deployment"] = []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (empty, "no Kuryr: .* nothing is left"),
        (without_programs, "half a Kuryr: .* CustomResourceDefinition kuryr"),
        (without_controller, "half a Kuryr: .* and no controller"),
        (twice, "more than one Kuryr: .*kuryr-cni-ds.*kuryr-daemon"),
    ],
)
def test_anything_but_one_kuryr_ends_it(
    spoil: Callable[[World], None], said: str, there: Put, parameters: dict[str, Any]
) -> None:
    world = there(upstream_yoga())
    spoil(world)
    with pytest.raises(CheckError, match=said):
        Audit.begin(parameters)


def test_what_cannot_be_listed_is_unknown_and_not_absent(
    there: Put, parameters: dict[str, Any]
) -> None:
    there(upstream_yoga()).broken["DaemonSet"] = AccessError("forbidden: daemonsets")
    with pytest.raises(UnknownError, match="could not be read: forbidden: daemonsets"):
        Audit.begin(parameters)

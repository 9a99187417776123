"""`kuryr-runbook audit`: what it prints, writes and records, and its exit statuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from support.hostile import HOSTILE, faults, spoilt
from worlds.installed import SECRET, upstream_yoga
from worlds.world import World

from kuryr_runbook.cli import main
from kuryr_runbook.model.errors import AccessError, UnreachableError
from kuryr_runbook.phases import audit
from kuryr_runbook.phases.site import audited, draft
from kuryr_runbook.recording.records import read_record


@pytest.fixture
def world(own_state: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    """Kuryr by upstream's manifests, and a user who has all rights."""
    monkeypatch.chdir(tmp_path)
    made = upstream_yoga()
    made.held = ("member", "load-balancer_member", "admin")
    for module in (audited, draft, audit):
        for name in ("ProbingCluster", "ProbingCloud", "AskingCloud"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, lambda *where: made)
    return made


def run(*options: str) -> Result:
    return CliRunner().invoke(main, ["audit", "--cloud", "k8s", *options])


def test_it_says_what_is_there_and_records_that(world: World) -> None:
    result = run("--write", "mine.yaml")
    places = [result.stdout.index(word) for word in (
        "Found: one Kuryr", "upstream's manifests", "Taking over, in this order", "mine.yaml was",
        "Preflight of mine, as if it were 2024.1", "Diagnosis of mine", "Topology of mine",
    )]  # fmt: skip
    assert places == sorted(places)
    assert SECRET not in result.output
    assert yaml.safe_load(Path("mine.yaml").read_text())["network"]["router"] == "k8s-router"
    [record] = map(read_record, Path("runs/mine").glob("2*"))
    [phase] = record.predicate["phases"]
    assert (phase["phase"], phase["status"]) == ("audit", "SUCCEEDED")
    assert "audit.html" in record.subjects
    assert all(SECRET not in it.read_text() for it in record.directory.glob("*.*"))


def test_nothing_is_copied_to_the_archive_of_the_template(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    assert "recorded: " in run().stderr
    assert not [*(tmp_path / "home").iterdir()]


def test_a_machine_gets_one_document(world: World) -> None:
    found = json.loads(run("-o", "json").stdout)
    assert found.keys() == {"found", "take_over", "preflight", "findings"}
    assert found["found"]["condition"] == "one"
    login = next(it for it in found["found"]["facts"] if it["subject"] == "login")
    assert login["value"] == "user's password"
    assert found["take_over"]["moves"][3]["commands"] == [
        "kubectl -n kube-system delete deployment kuryr-controller",
        "kubectl -n kube-system delete daemonset kuryr-cni-ds",
    ]


def well(world: World) -> None:
    world.paired = world.plain


def silent(world: World) -> None:
    world.broken["version"] = UnreachableError("no answer from the API server")


def removed(world: World) -> None:
    world.objects["Deployment"] = []


def forbidden(world: World) -> None:
    world.broken["Deployment"] = AccessError("forbidden")


def scaled_to_zero(world: World) -> None:
    well(world)
    world.objects["Deployment"][0]["spec"]["replicas"] = 0


def hidden(world: World) -> None:
    well(world)
    world.broken["security_group_rule"] = AccessError("forbidden")


@pytest.mark.parametrize(
    ("spoil", "status"),
    [(well, 0), (scaled_to_zero, 4), (removed, 4), (hidden, 5), (forbidden, 5), (silent, 6)],
)
def test_the_exit_status_is_that_of_the_worst(
    spoil: Callable[[World], None], status: int, world: World
) -> None:
    spoil(world)
    result = run()
    assert result.exit_code == status, result.output


def test_what_was_recognized_is_shown_before_an_error(world: World) -> None:
    removed(world)
    result = run("-o", "json", "--write", "mine.yaml")
    found = json.loads(result.stdout)["found"]
    assert found["condition"] == "partial"
    assert "and no controller" in " ".join(result.stderr.split())
    assert not Path("mine.yaml").exists()
    assert not Path("runs").exists()


def test_a_file_that_exists_is_kept(world: World) -> None:
    Path("mine.yaml").write_text("precious")
    result = run("--write", "mine.yaml")
    assert result.exit_code == 2
    assert Path("mine.yaml").read_text() == "precious"


@pytest.mark.parametrize("form", ["table", "wide", "json", "yaml"])
def test_hostile_text_in_every_field_is_visible(world: World, form: str) -> None:
    world.objects = spoilt(world.objects, HOSTILE)
    world.resources = spoilt(world.resources, HOSTILE)
    result = run("-o", form, "--write", "mine.yaml")
    assert isinstance(result.exception, SystemExit | None)
    assert "bug in the runbook" not in result.output
    assert faults(result.output) == []
    for page in Path("runs").rglob("*.html"):
        assert faults(page.read_text()) == []
    assert not Path("mine.yaml").exists() or faults(Path("mine.yaml").read_text()) == []


def test_hostile_text_in_the_names_of_one_kind_is_visible(world: World) -> None:
    for kind in ("Deployment", "ConfigMap", "Secret", "Node"):
        world.objects[kind] = spoilt(world.objects[kind], "\x1b[2J\u202e<script>")
        result = run()
        assert "bug in the runbook" not in result.output
        assert faults(result.output) == []

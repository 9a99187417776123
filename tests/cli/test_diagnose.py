"""`kuryr-runbook diagnose`: from a snapshot, for people and machines, with its exit status."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from worlds.memory_leases import MemoryLeases
from worlds.mendable import MendableWorld
from worlds.sites import LAB, lab_site
from worlds.world import World

from kuryr_runbook.checking.diagnosis import CHECKS
from kuryr_runbook.cli import main
from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.variables import SITE_VARIABLE
from kuryr_runbook.phases.site import reading
from kuryr_runbook.phases.troubleshooting import Troubleshooting
from kuryr_runbook.recording.records import read_record
from kuryr_runbook.snapshots.diagnosis import save_snapshot

STEIN = LAB.with_name("stein.yaml")


def saved(tmp_path: Path, *spoil: Callable[[World], Any]) -> Path:
    world, file = World(12), tmp_path / "snapshot.json"
    for change in spoil:
        change(world)
    save_snapshot(world.read(), file)
    return file


def run(*arguments: str | Path, said: str = "") -> Result:
    return CliRunner().invoke(main, ["diagnose", *map(str, arguments)], input=said)


@pytest.fixture
def world(own_state: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> MendableWorld:
    """A pod's pair is lost; commands meet this world in the place of the lab."""
    monkeypatch.chdir(tmp_path)
    made = MendableWorld()
    made.node_port("worker2")["allowed_address_pairs"].pop()
    for name, value in (("cloud", made), ("cluster", made), ("leases", MemoryLeases())):
        monkeypatch.setattr(Troubleshooting, name, value)
    monkeypatch.setattr(reading, "read_site", lambda path: made.site)
    return made


def test_a_fix_shows_its_plan_asks_and_looks_again(world: MendableWorld) -> None:
    result = run("--site", LAB, "--fix", said="y\n")
    assert (result.exit_code, world.touched) == (0, ["port-worker2"])
    said = ("✗ FAIL", "diagnose --fix", "pair of 10.64.0.13", "Carry out", "done", "✓ pass")
    places = [result.output.index(word) for word in said]
    assert places == sorted(places)


def test_what_a_fix_did_is_recorded(world: MendableWorld, tmp_path: Path) -> None:
    run("--site", LAB, "--fix", said="y\n")
    [record] = map(read_record, (tmp_path / "runs" / "lab").glob("2*"))
    assert record.predicate["run"]["command"].endswith("diagnose --fix")
    [phase] = record.predicate["phases"]
    assert (phase["phase"], phase["status"]) == ("troubleshooting", "SUCCEEDED")
    assert [step["action"] for step in phase["plan"]["steps"]] == ["update"]
    assert [it["done"] for it in phase["outcomes"]] == ["done"]
    assert {it["status"] for it in phase["findings"]} <= {"pass", "skip"}
    assert "troubleshooting.html" in record.subjects
    verified = CliRunner().invoke(main, ["records", "verify"])
    assert (verified.exit_code, verified.output) == (0, "1 record is valid\n")


@pytest.mark.parametrize("said", ["n\n", "\n"])
def test_without_a_yes_nothing_is_fixed(world: MendableWorld, said: str) -> None:
    result = run("--site", LAB, "--fix", said=said)
    assert (result.exit_code, world.touched) == (4, [])
    assert not Path("runs").exists()


def test_nobody_is_asked_where_there_is_no_certain_fix(world: MendableWorld) -> None:
    world.node_port("worker2")["port_security_enabled"] = False
    result = run("--site", LAB, "--fix")
    assert (result.exit_code, world.touched) == (4, [])
    assert "nothing to do" in result.output


def test_a_machine_that_fixes_gets_only_what_is_left(world: MendableWorld) -> None:
    result = run("--site", LAB, "--fix", "--json", said="y\n")
    assert json.loads(result.stdout)["worst"] == "pass"
    assert "Outcome of troubleshooting" in result.stderr


def fails(world: World) -> None:
    world.remove("port", "port-web-1")


def warns(world: World) -> None:
    world.add_rule("r-open", "g-nodes")


def unreadable(world: World) -> None:
    world.broken = {"router": AccessError("no right", remedy="ask for it")}


@pytest.mark.parametrize(
    ("spoil", "how", "status"),
    [
        ((), (), 0),
        ((warns,), (), 0),
        ((warns,), ("--fail-on", "warn"), 4),
        ((fails,), (), 4),
        ((unreadable,), (), 5),
        ((unreadable, warns), ("--fail-on", "warn"), 5),
        ((unreadable, fails), (), 4),
    ],
)
def test_the_exit_status_is_that_of_the_worst_finding(
    tmp_path: Path, spoil: tuple[Callable[[World], Any], ...], how: tuple[str, ...], status: int
) -> None:
    assert run("--snapshot", saved(tmp_path, *spoil), *how).exit_code == status


def test_a_person_gets_causes_in_80_columns(tmp_path: Path) -> None:
    file = saved(tmp_path, fails, warns, unreadable)
    result = run("--snapshot", file, "--pod", "web-1", "--service", "web-0")
    assert max(len(line) for line in result.output.splitlines()) <= 80
    for said in (
        "✗ FAIL", "? UNKNOWN", "concerns: pod default/web-1", "could not look: no right",
        "checks found nothing", "└─ port port-web-1", "does not exist in Neutron", "├─ member",
    ):  # fmt: skip
        assert said in result.output


def test_all_in_order_is_said(tmp_path: Path) -> None:
    asked = [check for check in CHECKS if not check.moot(lab_site())]
    output = run("--snapshot", saved(tmp_path)).output
    assert "✓ pass  nothing is wrong" in output
    assert f"{len(asked)} checks found nothing." in output


def test_a_machine_gets_json_alone(tmp_path: Path) -> None:
    result = run("--snapshot", saved(tmp_path, fails), "--json", "--service", "web-0")
    report = json.loads(result.stdout)
    assert (report["site"], report["worst"]) == ("lab", "fail")
    first = report["findings"][0]
    assert first["check"] == "pod-port-missing"
    assert [(it["kind"], it["namespace"], it["name"]) for it in first["victims"]] == [
        ("pod", "default", "web-1")
    ]
    assert {"evidence", "remedy", "source", "effects", "fixable"} <= first.keys()
    assert report["path"][0]["what"] == "service"


def test_ci_gets_junit_with_a_case_for_each_check(tmp_path: Path) -> None:
    junit = tmp_path / "junit.xml"
    file = saved(tmp_path, fails, warns, unreadable, lambda world: world.warn("web-2", "\x01 500"))
    run("--snapshot", file, "--junit", junit)
    suite = ElementTree.parse(junit).getroot()  # noqa: S314 - written a moment ago
    cases = {case.get("name"): case for case in suite}
    assert set(cases) == {check.name for check in CHECKS}
    assert suite.get("tests") == str(len(cases))
    assert (suite.get("failures"), suite.get("errors")) == ("1", "1")
    assert cases["pod-port-missing"].find("failure") is not None
    assert cases["switched-off"].find("error") is not None
    assert "warning" in str(cases["group-too-open"].findtext("system-out"))


def test_a_picture_is_a_file_of_its_own(tmp_path: Path) -> None:
    picture = tmp_path / "site.svg"
    file = saved(tmp_path, fails)
    assert run("--snapshot", file, "--picture", picture).exit_code == 4
    root = ElementTree.parse(picture).getroot()  # noqa: S314 - written a moment ago
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert str(root.get("aria-label")).startswith("Topology of site lab, 20")
    marked = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert marked.count("✗1") == 2  # on the pod, and beside what it means


def test_metrics_name_what_is_wrong_for_a_collector_of_another_user(tmp_path: Path) -> None:
    file = tmp_path / "lab.prom"
    result = run("--snapshot", saved(tmp_path, fails), "--metrics", file)
    assert result.exit_code == 4
    assert '\nkuryr_runbook_finding{site="lab",check="pod-port-missing",' in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o644
    assert not [it for it in tmp_path.iterdir() if it.name.startswith(".")]


def test_a_snapshot_can_be_kept_again_and_its_site_given(tmp_path: Path) -> None:
    file, copy = saved(tmp_path), tmp_path / "copy.json"
    assert run("--snapshot", file, "--save-snapshot", copy).exit_code == 0
    assert json.loads(copy.read_text()) == json.loads(file.read_text())
    # The lab's own ranges are others than those of this world.
    assert run("--snapshot", file, "--site", LAB).exit_code == 4


def test_without_cloud_and_cluster_all_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The lab's files are below the home directory: here there are none.
    monkeypatch.setenv("HOME", str(tmp_path))
    result = run("--site", LAB, "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["worst"]) == (5, "unknown")
    assert {it["status"] for it in report["findings"]} == {"unknown", "skip"}
    assert sum(it["status"] == "unknown" for it in report["findings"]) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--site"),
        (("--fix",), "--site"),
        (("--fix", "--snapshot", "SAVED"), "cannot be combined with"),
        (("--fix", "--site", LAB, "--pod", "web-1"), "cannot be combined with"),
        (("--metrics", "a.prom", "--pod", "web-1", "--snapshot", "SAVED"), "cannot be combined"),
        (("--metrics", "nowhere/a.prom", "--snapshot", "SAVED"), "cannot be written"),
        (("--snapshot", "none.json"), "cannot be read"),
        (("--junit", "nowhere/junit.xml", "--snapshot", "SAVED"), "cannot be written"),
        (("--picture", "nowhere/site.svg", "--snapshot", "SAVED"), "cannot be written"),
        (("--site", STEIN, "--snapshot", "SAVED"), "is of site lab"),
    ],
)
def test_wrong_usage_is_reported(
    tmp_path: Path, arguments: tuple[str | Path, ...], said: str
) -> None:
    file = saved(tmp_path)
    result = run(*(file if it == "SAVED" else it for it in arguments))
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_a_snapshot_has_its_site_whatever_site_is_set_for_all_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SITE_VARIABLE, str(STEIN))
    assert run("--snapshot", saved(tmp_path)).exit_code == 0
    assert run("--snapshot", saved(tmp_path), "--site", STEIN).exit_code == 2

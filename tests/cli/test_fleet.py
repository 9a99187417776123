"""`kuryr-runbook fleet`: what is started for which site, what is asked, how it ends."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from worlds.memory_leases import MemoryLeases
from worlds.sites import LAB_TEXT

from kuryr_runbook.cli import fleet as cli_fleet
from kuryr_runbook.cli import main
from kuryr_runbook.phases.lock.taking import Work, locked
from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.running.fleet import engine

PROGRAM = """
import json, os, sys
from pathlib import Path
command, *options = sys.argv[1:]
given = dict(option[2:].partition("=")[::2] for option in options if option.startswith("--"))
name = Path(given["site"]).stem
with open("called.txt", "a") as file:
    file.write(" ".join([name, command, *(f"--{key}={value}" for key, value in given.items()
               if key not in ("site", "json", "log-format"))]) + "\\n")
behaviour = json.loads(Path("behaviour.json").read_text()).get(name, {})
status = behaviour.get(command, 0)
counts = {"keep": 1, "create": int(status == 3), "update": 0, "delete": 0, "replace": 0}
steps = [{"action": "create"}] * (status == 3)
plan = {"phases": [{"phase": "daemon", "counts": counts, "steps": steps, "left": []}]}
if status not in (0, 3, 4):
    print("error: it does not work", file=sys.stderr)
elif command == "plan":
    print(json.dumps(plan))
    if "out" in given:
        Path(given["out"]).write_text(json.dumps(plan))
elif command == "diagnose":
    found = [{"status": "fail", "title": "It is broken", "subject": name}] * (status == 4)
    print(json.dumps({"worst": "fail" if found else "pass", "findings": found}))
if command == "run":
    if "plan" in given:
        assert json.loads(Path(given["plan"]).read_text())["phases"]
    ended = {"event": "ended", "status": "FAILED" if status else "SUCCEEDED",
             "directory": f"runs/{name}/1", "errors": ["it does not work"] * bool(status)}
    print(json.dumps(ended), file=sys.stderr)
sys.exit(status)
"""
"""In place of the program for one site: it notes its calls, and ends as behaviour.json says."""


@pytest.fixture
def sites(tmp_path: Path, own_state: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three sites, in the current directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in "abc":
        text = LAB_TEXT.replace("name: lab\n", f"name: {name}\n", 1)
        Path(f"{name}.yaml").write_text(text)
    return ["a.yaml", "b.yaml", "c.yaml"]


@pytest.fixture
def program(sites: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "CALL", PROGRAM)
    behave({})


def behave(how: Mapping[str, Mapping[str, int]]) -> None:
    Path("behaviour.json").write_text(json.dumps(how))


def called() -> list[str]:
    file = Path("called.txt")
    return file.read_text().splitlines() if file.exists() else []


def call(*arguments: str, said: str = "") -> Result:
    return CliRunner().invoke(main, ["fleet", *arguments], input=said)


def states(result: Result) -> dict[str, str]:
    return {it["site"] or it["file"]: it["state"] for it in json.loads(result.stdout)["sites"]}


@pytest.mark.usefixtures("program")
def test_plans_are_one_table_with_the_worst_status(sites: list[str]) -> None:
    behave({"b": {"plan": 3}})
    result = call("plan", *sites, "--only", "daemon", "--out", "plans")
    assert result.exit_code == 3
    rows = re.findall(r"^([abc]) +(\S+ \S+) +\S+ +(.*)$", result.stdout, re.M)
    assert [(name, state) for name, state, _ in rows] == [
        ("a", "✓ done"), ("b", "~ changes"), ("c", "✓ done")
    ]  # fmt: skip
    assert rows[1][2].startswith("1 to create")
    assert sorted(called()) == [
        f"{name} plan --only=daemon --out=plans/{name}.json" for name in "abc"
    ]
    assert {it.name for it in Path("plans").iterdir()} == {"a.json", "b.json", "c.json"}


@pytest.mark.usefixtures("program")
def test_a_broken_file_is_reported_and_the_others_go_on(sites: list[str]) -> None:
    Path("broken.yaml").write_text("name: x\n")
    result = call("plan", "broken.yaml", *sites, "--json")
    assert result.exit_code == 2
    assert states(result) == {"broken.yaml": "refused", "a": "done", "b": "done", "c": "done"}
    first = json.loads(result.stdout)["sites"][0]
    assert (first["site"], first["exit_code"]) == (None, 2)
    assert "network: is missing" in first["error"]


@pytest.mark.parametrize("command", ["plan", "run", "diagnose", "status"])
@pytest.mark.usefixtures("program")
def test_one_site_twice_is_refused_before_anything(sites: list[str], command: str) -> None:
    Path("copy.yaml").write_text(Path("a.yaml").read_text())
    result = call(command, *sites, "copy.yaml", *["--yes"] * (command == "run"))
    assert (result.exit_code, called()) == (2, [])
    assert "site a: a.yaml, copy.yaml" in " ".join(result.stderr.split())


@pytest.mark.usefixtures("program")
def test_the_forms_of_an_answer_say_the_same(sites: list[str]) -> None:
    behave({"a": {"diagnose": 4}})
    documents = [
        json.loads(call("diagnose", *sites, "-o", "json").stdout),
        yaml.safe_load(call("diagnose", *sites, "-o", "yaml").stdout),
    ]
    for document in documents:
        for site in document["sites"]:
            del site["seconds"]
    assert documents[0] == documents[1]
    assert documents[0]["exit_code"] == 4
    assert documents[0]["sites"][0]["findings"][0]["title"] == "It is broken"
    assert "fail It is broken: a" in call("diagnose", *sites, "-o", "wide").stdout


@pytest.mark.usefixtures("program")
def test_without_a_terminal_and_a_word_nothing_begins(sites: list[str]) -> None:
    result = call("run", *sites, said="y\n")
    assert (result.exit_code, called()) == (2, [])
    said = " ".join(result.stderr.split())
    assert "--yes" in said
    assert "--plans DIRECTORY" in said


@pytest.fixture
def terminal(program: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_fleet, "can_ask", lambda: True)


@pytest.mark.usefixtures("terminal")
def test_a_yes_runs_the_plans_that_were_shown(sites: list[str]) -> None:
    behave({"b": {"plan": 3}})
    result = call("run", *sites, "--from", "daemon", said="y\n")
    assert result.exit_code == 0, result.output
    shown, asked, _ = result.stderr.partition("Carry out these plans? [y/N]")
    assert asked
    assert "1 to create" in shown
    runs = [line for line in called() if " run " in line]
    assert [line.split()[0] for line in runs][:1] == ["a"]
    assert sorted(line.split()[0] for line in runs) == ["a", "b", "c"]
    assert all(re.search(r"--plan=\S+/[abc]\.json --from=daemon$", line) for line in runs)
    assert "SUCCEEDED: runs/c/1" in result.stdout


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("said", ["n\n", "\n", ""])
def test_without_a_yes_nothing_is_run(sites: list[str], said: str) -> None:
    behave({"c": {"plan": 3}})
    result = call("run", *sites, said=said)
    assert result.exit_code == 3
    assert result.stderr.endswith("nothing was changed\n")
    assert not [line for line in called() if " run " in line]


@pytest.mark.usefixtures("terminal")
def test_where_nothing_would_change_nobody_is_asked(sites: list[str]) -> None:
    result = call("run", *sites)
    assert result.exit_code == 0
    assert "Carry out" not in result.stderr


@pytest.mark.usefixtures("terminal")
def test_a_site_that_cannot_be_planned_is_not_run(sites: list[str]) -> None:
    behave({"a": {"plan": 6}, "b": {"plan": 3}})
    result = call("run", *sites, "--json", said="y\n")
    assert result.exit_code == 6
    assert states(result) == {"a": "no answer", "b": "done", "c": "done"}
    assert sorted(line.split()[0] for line in called() if " run " in line) == ["b", "c"]


@pytest.mark.usefixtures("program")
def test_preflight_alone_is_not_asked_about(sites: list[str]) -> None:
    assert call("run", *sites, "--only", "preflight").exit_code == 0
    assert {line.split()[1] for line in called()} == {"run"}


@pytest.mark.usefixtures("program")
def test_a_failed_canary_stops(sites: list[str]) -> None:
    behave({"a": {"run": 1}})
    result = call("run", *sites, "--yes", "--json")
    assert result.exit_code == 1
    assert called() == ["a run --yes="]
    assert states(result) == {"a": "failed", "b": "not started", "c": "not started"}
    assert json.loads(result.stdout)["stopped"] == "wave 1: 1 of 1 site failed"


@pytest.mark.usefixtures("program")
def test_waves_have_their_size_and_failures_may_be_tolerated(sites: list[str]) -> None:
    behave({"a": {"run": 4}})
    more = ("--canary", "0", "--wave", "2", "--tolerate", "50", "--json")
    result = call("run", *sites, "--yes", *more)
    assert result.exit_code == 4
    assert [it["wave"] for it in json.loads(result.stdout)["sites"]] == [1, 1, 2]
    assert states(result) == {"a": "check failed", "b": "done", "c": "done"}


@pytest.mark.usefixtures("program")
def test_saved_plans_are_carried_out_and_a_missing_one_is_refused(sites: list[str]) -> None:
    assert call("plan", "a.yaml", "b.yaml", "--out", "plans").exit_code == 0
    refused = call("run", *sites, "--plans", "plans")
    assert refused.exit_code == 2
    assert "c: plans/c.json" in refused.stderr
    assert not [line for line in called() if " run " in line]
    assert call("run", "a.yaml", "b.yaml", "--plans", "plans").exit_code == 0
    assert sorted(called()[2:]) == [
        "a run --plan=plans/a.json", "b run --plan=plans/b.json"
    ]  # fmt: skip


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize("command", ["plan", "diagnose"])
def test_each_site_and_command_has_metrics_of_its_own(sites: list[str], command: str) -> None:
    assert call(command, *sites, "--metrics", "collected").exit_code == 2
    Path("collected").mkdir()
    assert call(command, *sites, "--metrics", "collected").exit_code == 0
    files = sorted(line.partition("--metrics=")[2] for line in called())
    assert files == [f"collected/{name}-{command}.prom" for name in "abc"]


@pytest.mark.usefixtures("program")
def test_quiet_says_nothing_but_the_answer(sites: list[str]) -> None:
    assert call("plan", *sites, "-q").stderr == ""
    assert "b: started" in call("plan", *sites).stderr


def test_status_asks_nobody(sites: list[str]) -> None:
    Path("broken.yaml").write_text("name: x\n")
    result = call("status", *sites)
    assert result.exit_code == 0
    assert re.search(r"^b +stein +- +-", result.stdout, re.M)
    mixed = call("status", "broken.yaml", *sites, "--json")
    assert mixed.exit_code == 2
    document = json.loads(mixed.stdout)
    assert [it["site"] for it in document["sites"]] == [None, "a", "b", "c"]
    assert document["sites"][1]["run"] is None


def test_the_program_itself_diagnoses_and_its_answers_do_not_mix(sites: list[str]) -> None:
    result = call("diagnose", "a.yaml", "b.yaml", "--json")
    assert result.exit_code == 5
    assert states(result) == {"a": "unknown", "b": "unknown"}
    for site in json.loads(result.stdout)["sites"]:
        assert {it["status"] for it in site["findings"]} == {"unknown"}
        assert site["summary"].startswith("2 unknown:")


def test_a_site_that_somebody_else_changes_keeps_its_lock(sites: list[str], tmp_path: Path) -> None:
    site, work = read_site(Path("a.yaml")), Work(command="another", directory=tmp_path)
    with locked(site, MemoryLeases, work, lambda line: None) as lock:
        assert not lock.was_held
        # As another process would be called, which does not work for the holder.
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("KURYR_RUNBOOK_LOCK")
            result = call("run", "a.yaml", "b.yaml", "--yes", "--json")
    assert result.exit_code == 1
    assert states(result) == {"a": "failed", "b": "not started"}
    assert "another run is changing this site" in json.loads(result.stdout)["sites"][0]["error"]
    assert not (tmp_path / "runs").exists()


def test_runs_are_recorded_as_each_site_alone_would_be(sites: list[str], tmp_path: Path) -> None:
    options = ("--yes", "--only", "preflight", "--canary", "0", "--json")
    result = call("run", "a.yaml", "b.yaml", *options)
    document = json.loads(result.stdout)
    assert (result.exit_code, document["exit_code"]) == (4, 4)
    for site in document["sites"]:
        assert Path(site["run"]["directory"]).parent == tmp_path / "runs" / site["site"]
        assert "Keystone answers" in site["error"]
    verified = CliRunner().invoke(main, ["records", "verify"])
    assert (verified.exit_code, verified.output) == (0, "2 records are valid\n")
    assert Path("runs/index.html").read_text().count('<tr id="run-') == 2
    shown = call("status", "a.yaml", "b.yaml")
    assert shown.exit_code == 1
    assert re.search(r"^a +stein +FAILED .* preflight", shown.stdout, re.M)

"""The commands of `kuryr-runbook records`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from runs.recorded import recorded

from kuryr_runbook.cli import main

LAB_SITE = Path(__file__).parents[2] / "parameters" / "lab.yaml"


def records(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["records", *map(str, arguments)])


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    for name in ("r01", "r02"):
        recorded(tmp_path / "runs" / "lab", name)
    lost = tmp_path / "runs" / "lab" / "r03"
    lost.mkdir()
    (lost / "run.json").write_text('{"status": "RUNNING"}')
    return tmp_path / "runs" / "lab"


@pytest.mark.parametrize("name", ["", "list", "show", "diff", "verify", "export", "upload"])
def test_help_fits_80_columns(name: str) -> None:
    result = CliRunner().invoke(main, ["records", *name.split(), "--help"], terminal_width=80)
    assert result.exit_code == 0
    assert max(len(line) for line in result.output.splitlines()) <= 80


def test_runs_are_listed_with_and_without_a_record(runs: Path) -> None:
    lines = records("list").output.splitlines()
    told = [line.split()[:3] for line in lines if "runs/lab" in line]
    assert told == [
        ["1", "runs/lab/r01", "SUCCEEDED"],
        ["2", "runs/lab/r02", "SUCCEEDED"],
        ["none", "runs/lab/r03", "LOST"],
    ]


def test_a_record_is_shown(runs: Path) -> None:
    assert "operator on there" in records("show", runs / "r01").output
    assert json.loads(records("show", runs / "r01", "--json").output)["number"] == 1


def test_runs_are_compared(runs: Path) -> None:
    recorded(runs, "r04", runbook={"version": "0.2.0", "commit": "f" * 40})
    assert "do not differ" in records("diff", runs / "r01", runs / "r02").output
    assert "0.2.0" in records("diff", runs / "r01", runs / "r04").output
    found = json.loads(records("diff", runs / "r01", runs / "r04", "--json").output)
    assert found == {"versions": [{"field": "version", "before": "0.1.0", "after": "0.2.0"}]}


def test_what_holds_is_told_and_what_does_not_fails(runs: Path) -> None:
    result = records("verify")
    assert (result.exit_code, result.output) == (0, "2 records hold\n")
    assert records("verify", runs).exit_code == 0
    (runs / "r01" / "02_openstack_prep.html").write_text("other")
    result = records("verify", runs)
    assert result.exit_code == 1
    assert "r01/02_openstack_prep.html: was changed" in " ".join(result.stderr.split())


def test_what_was_taken_away_whole_is_missed(runs: Path) -> None:
    for name in ("r01", "r02"):
        (runs / name / "record.json").unlink()
        (runs / name / "run.json").unlink()
    result = records("verify")
    assert result.exit_code == 1
    assert "record 2 is missing" in result.stderr


def test_without_a_key_one_has_to_be_named(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "state" / "kuryr-runbook" / "records" / "signing-key.pub"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    result = records("verify")
    assert result.exit_code == 2
    assert "--public-key" in result.stderr
    assert records("verify", "--public-key", key).exit_code == 0


def test_an_archive_file_is_made_of_one_site(runs: Path, tmp_path: Path) -> None:
    result = records("export", "--out", tmp_path / "lab.tar.gz")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "lab.tar.gz").stat().st_size
    site = {"name": "other", "digest": {"sha256": "1" * 64}, "parameters": {}}
    recorded(tmp_path / "runs" / "other", "r01", site=site)
    result = records("export", "--out", tmp_path / "all.tar.gz")
    assert result.exit_code == 2
    assert "several sites" in result.stderr


def test_records_are_copied_to_the_archive_of_their_site(runs: Path, tmp_path: Path) -> None:
    assert records("upload", "--site", LAB_SITE).exit_code == 2
    values = yaml.safe_load(LAB_SITE.read_text())
    values["record"] = {"archive": str(tmp_path / "archive")}
    site = tmp_path / "site.yaml"
    site.write_text(yaml.safe_dump(values))
    assert records("upload", "--site", site).output.splitlines() == ["copied: r01", "copied: r02"]
    assert records("upload", "--site", site).output.splitlines() == [
        "there already: r01",
        "there already: r02",
    ]
    assert (tmp_path / "archive" / "lab" / "r02" / "record.json").is_file()

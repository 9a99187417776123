"""The commands of `kuryr-runbook records`."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from runs.recorded import recorded, restated
from worlds.sites import LAB

from kuryr_runbook.cli import main
from kuryr_runbook.clients.lock_files import held
from kuryr_runbook.recording.beside import page_of_all
from kuryr_runbook.recording.pages.index import render_index
from kuryr_runbook.recording.records import read_record


def records(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["records", *map(str, arguments)])


@pytest.fixture
def runs(own_state: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("r01", "r02"):
        recorded(tmp_path / "runs" / "lab", name)
    return tmp_path / "runs" / "lab"


@pytest.fixture
def lost(runs: Path) -> Path:
    lost = runs / "r03"
    lost.mkdir()
    (lost / "run.json").write_text('{"status": "RUNNING"}')
    return lost


def reported(result: Result) -> str:
    return " ".join(result.stderr.split())


@pytest.mark.parametrize("name", ["", "list", "show", "diff", "verify", "export", "upload"])
def test_help_fits_80_columns(name: str) -> None:
    result = CliRunner().invoke(main, ["records", *name.split(), "--help"], terminal_width=80)
    assert result.exit_code == 0
    assert max(len(line) for line in result.output.splitlines()) <= 80


@pytest.mark.usefixtures("lost")
def test_runs_are_listed_with_and_without_a_record(runs: Path) -> None:
    (runs / "evil.html").touch()
    lines = records("list").output.splitlines()
    found = [line.split()[:3] for line in lines if "runs/lab" in line]
    assert found == [
        ["1", "runs/lab/r01", "SUCCEEDED"],
        ["2", "runs/lab/r02", "SUCCEEDED"],
        ["-", "runs/lab/r03", "LOST"],
        ["-", "runs/lab/evil.html", "UNRECORDED"],
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


def test_valid_records_pass_and_others_fail(runs: Path) -> None:
    result = records("verify")
    assert (result.exit_code, result.output) == (0, "2 records are valid\n")
    assert records("verify", runs).exit_code == 0
    (runs / "r01" / "02_openstack_prep.html").write_text("other")
    result = records("verify", runs)
    assert result.exit_code == 4
    assert "r01/02_openstack_prep.html: was changed" in reported(result)


def test_a_run_that_was_killed_is_reported(runs: Path, lost: Path) -> None:
    result = records("verify")
    assert result.exit_code == 4
    assert "r03: LOST" in reported(result)


def test_a_run_under_way_is_named_and_nothing_is_wrong_with_it(runs: Path, lost: Path) -> None:
    with held(lost):
        result = records("verify")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "still running" in result.output


def site_gone(runs: Path) -> None:
    shutil.rmtree(runs)


def all_gone(runs: Path) -> None:
    shutil.rmtree(runs.parent)


def empty(runs: Path) -> None:
    shutil.rmtree(runs)
    runs.mkdir()


def renamed_site(runs: Path) -> None:
    runs.rename(runs.parent / "prod")


def copied_site(runs: Path) -> None:
    shutil.copytree(runs, runs.parent / "prod")


def swapped_sites(runs: Path) -> None:
    runs.rename(runs.parent / "kept")
    (runs.parent / "other").rename(runs)
    (runs.parent / "kept").rename(runs.parent / "other")


def moved_between_sites(runs: Path) -> None:
    (runs / "r02").rename(runs.parent / "other" / "r02")


def moved_deeper(runs: Path) -> None:
    (runs.parent / "deep").mkdir()
    runs.rename(runs.parent / "deep" / "lab")


def moved_away(runs: Path) -> None:
    runs.rename(runs.parent.parent / "lab")


def linked_site(runs: Path) -> None:
    runs.rename(runs.parent.parent / "kept")
    runs.symlink_to(runs.parent.parent / "kept")


def rolled_back(runs: Path) -> None:
    shutil.rmtree(runs / "r02")
    shutil.copy(runs.parent.parent / "first.html", runs / "index.html")


def html_alone(runs: Path) -> None:
    (runs.parent / "forged").mkdir()
    (runs.parent / "forged" / "index.html").write_text("<p>all is well")


def unnoted(runs: Path) -> None:
    (runs.parent.parent / "state" / "kuryr-runbook" / "records" / "lab.json").unlink()


def note_emptied(runs: Path) -> None:
    (runs.parent.parent / "state" / "kuryr-runbook" / "records" / "lab.json").write_text("")


WHOLE = (
    site_gone, all_gone, empty, renamed_site, copied_site, swapped_sites, moved_between_sites,
    moved_deeper, moved_away, linked_site, rolled_back, html_alone, unnoted, note_emptied,
)  # fmt: skip


@pytest.mark.usefixtures("own_state")
@pytest.mark.parametrize("tamper", WHOLE, ids=lambda it: it.__name__)
@pytest.mark.parametrize("arguments", [(), ("runs",)], ids=["here", "named"])
def test_what_is_done_to_whole_sites_is_noticed(
    tamper: Callable[[Path], None],
    arguments: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = tmp_path / "runs" / "lab"
    recorded(runs, "r01")
    shutil.copy(runs / "index.html", tmp_path / "first.html")
    recorded(runs, "r02")
    recorded(runs.parent / "other", "r01", site=OTHER)
    assert records("verify", *arguments).output == "3 records are valid\n"
    tamper(runs)
    result = records("verify", *arguments)
    assert result.exit_code == 4, result.output
    assert "lab" in result.stderr or "forged" in result.stderr


def test_the_directory_where_runs_were_called_will_do(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "site.yaml").touch()
    assert records("verify", ".").output == "2 records are valid\n"
    (runs.parent / "runs").mkdir()
    assert "runs/runs: UNRECORDED" in reported(records("verify", "."))
    assert "runs/runs: UNRECORDED" in reported(records("verify", runs.parent))


def test_runs_are_found_where_they_were_made(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert records("verify").output == "2 records are valid\n"
    shutil.rmtree(runs)
    result = records("verify")
    assert result.exit_code == 4
    assert f"record 2 ({runs}/r02), the newest one made here, is missing" in reported(result)


def test_without_a_key_one_has_to_be_named(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "state" / "kuryr-runbook" / "records" / "signing-key.pub"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    result = records("verify")
    assert result.exit_code == 2
    assert "--public-key" in result.stderr
    assert records("verify", "--public-key", key).exit_code == 0


OTHER = {"name": "other", "digest": {"sha256": "1" * 64}, "parameters": {}}


def test_an_archive_file_is_made_of_one_site(runs: Path, tmp_path: Path) -> None:
    result = records("export", "--out", tmp_path / "lab.tar.gz")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "lab.tar.gz").stat().st_size
    recorded(tmp_path / "runs" / "other", "r01", site=OTHER)
    result = records("export", "--out", tmp_path / "all.tar.gz")
    assert result.exit_code == 2
    assert "several sites" in result.stderr


def planted_file(runs: Path) -> None:
    (runs / "r01" / "shadow").symlink_to("/etc/shadow")


def changed_file(runs: Path) -> None:
    (runs / "r01" / "run.json").write_text("{}")


def forged_name(runs: Path) -> None:
    (runs.parent / "evil").write_text("evil")
    digest = hashlib.sha256(b"evil").hexdigest()
    with restated(runs / "r01") as statement:
        statement["subject"].append({"name": "../../evil", "digest": {"sha256": digest}})


def other_site(runs: Path) -> None:
    with restated(runs / "r01") as statement:
        statement["predicate"]["site"]["name"] = "../../../evil"


@pytest.mark.parametrize(
    "tamper", [planted_file, changed_file, forged_name, other_site], ids=lambda it: it.__name__
)
def test_nothing_that_does_not_hold_is_exported_or_uploaded(
    tamper: Callable[[Path], None], runs: Path, tmp_path: Path
) -> None:
    site = site_with_archive(tmp_path)
    tamper(runs)
    result = records("export", "--out", tmp_path / "lab.tar.gz")
    assert result.exit_code in (2, 4), result.output
    assert not (tmp_path / "lab.tar.gz").exists()
    result = records("upload", "--site", site)
    archive = tmp_path / "archive"
    assert {str(it.relative_to(archive)) for it in archive.rglob("record.json")} == {
        "lab/r02/record.json"
    }
    assert not list(tmp_path.rglob("evil*")) or tamper is forged_name
    if tamper is not other_site:
        assert result.exit_code == 4


def site_with_archive(tmp_path: Path) -> Path:
    values = yaml.safe_load(LAB.read_text())
    values["record"] = {"archive": str(tmp_path / "archive")}
    site = tmp_path / "site.yaml"
    site.write_text(yaml.safe_dump(values))
    return site


def test_the_archive_reveals_records_that_were_removed_with_their_note(
    runs: Path, tmp_path: Path
) -> None:
    site = site_with_archive(tmp_path)
    assert records("upload", "--site", site).exit_code == 0
    assert records("verify", "--site", site).output == "2 records are valid\n"
    noted = tmp_path / "state" / "kuryr-runbook" / "records" / "lab.json"
    first = read_record(runs / "r01")
    shutil.rmtree(runs / "r02")
    (runs / "index.html").write_bytes(render_index([first]).encode())
    (runs.parent / "index.html").write_text(page_of_all(runs.parent, {}))
    link = {"number": 1, "sha256": first.sha256, "directory": "r01"}
    noted.write_text(json.dumps({**link, "path": str(runs / "r01")}))
    assert records("verify").output == "1 record is valid\n"
    result = records("verify", "--site", site)
    assert result.exit_code == 4
    assert "record 2 (r02): is in the archive, but not among these records" in reported(result)


def test_records_are_copied_to_the_archive_of_their_site(runs: Path, tmp_path: Path) -> None:
    assert records("upload", "--site", LAB).exit_code == 2
    site = site_with_archive(tmp_path)
    assert records("upload", "--site", site).output.splitlines() == ["copied: r01", "copied: r02"]
    assert records("upload", "--site", site).output.splitlines() == [
        "already there: r01",
        "already there: r02",
    ]
    assert (tmp_path / "archive" / "lab" / "r02" / "record.json").is_file()

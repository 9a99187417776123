"""What a run that is being recorded learns of those beside it, and from how little."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from runs.recorded import recorded, run_facts
from support.pages import Page

from kuryr_runbook.recording import beside as beside_module
from kuryr_runbook.recording.chain import head_path
from kuryr_runbook.recording.pages.index import render_index
from kuryr_runbook.recording.records import Record, read_record, readable_records
from kuryr_runbook.recording.signing import key_path, load_public_keys, public_path
from kuryr_runbook.recording.standing import standing_in
from kuryr_runbook.recording.verifying import verify


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the runs whose records are read, apart from a run's own."""
    seen: list[str] = []
    reads = readable_records

    def noting(directories: Iterable[Path]) -> list[Record]:
        names = [*directories]
        seen.extend(path.name for path in names)
        return reads(names)

    monkeypatch.setattr(beside_module, "readable_records", noting)
    return seen


def whole(site: Path) -> str:
    """The page as it is made from all records."""
    return render_index(read_record(path.parent) for path in site.glob("*/record.json"))


def test_hundreds_of_runs_cost_no_more_than_one(tmp_path: Path, reading: list[str]) -> None:
    site = tmp_path / "lab"
    for number in range(1, 7):
        recorded(site, f"r0{number}")
    del reading[:]
    recorded(site, "r07")
    assert reading == ["r06"]
    assert (site / "index.html").read_text() == whole(site)


def test_a_page_that_no_record_vouches_for_is_made_anew(tmp_path: Path, reading: list[str]) -> None:
    site = tmp_path / "lab"
    for name in ("r01", "r02"):
        recorded(site, name)
    page = site / "index.html"
    page.write_text(page.read_text().replace("r01", "<script>alert(1)</script>"))
    recorded(site, "r03")
    assert {*reading} >= {"r01", "r02"}
    assert page.read_text() == whole(site)
    page.unlink()
    recorded(site, "r04")
    assert page.read_text() == whole(site)


def test_an_older_page_put_back_lacks_nothing_afterwards(tmp_path: Path) -> None:
    site = tmp_path / "lab"
    recorded(site, "r01")
    kept = (site / "index.html").read_bytes()
    for name in ("r02", "r03"):
        recorded(site, name)
    (site / "index.html").write_bytes(kept)
    recorded(site, "r04")
    assert (site / "index.html").read_text() == whole(site)


def test_a_deleted_dry_run_leaves_the_page(tmp_path: Path) -> None:
    site = tmp_path / "lab"
    recorded(site, "r01")
    recorded(site, "r02", run={**run_facts(site / "r02")["run"], "dry_run": True})
    recorded(site, "r03")
    shutil.rmtree(site / "r02")
    recorded(site, "r04")
    assert (site / "index.html").read_text() == whole(site)
    assert "r02" not in (site / "index.html").read_text()


def test_the_chain_continues_after_the_newest_beside_without_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "lab"
    for name in ("r01", "r02"):
        last = recorded(site, name)
    recorded(site, "r03", run={**run_facts(site / "r03")["run"], "dry_run": True})
    head_path("lab").unlink()
    assert recorded(site, "r04").previous == last.link


OTHER = {"name": "other", "digest": {"sha256": "1" * 64}, "parameters": {}}


def test_the_page_of_all_sites_has_the_runs_of_each(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    recorded(runs / "lab", "r01")
    recorded(runs / "other", "r01", site=OTHER)
    recorded(runs / "lab", "r02")
    page = Page((runs / "index.html").read_text())
    rows = [row["id"] for row in page.all_of("tr") if "id" in row]
    assert rows == ["run-lab-r02", "run-other-r01", "run-lab-r01"]
    for link in page.links():
        assert (runs / link).is_file()
    assert "../index.html" in Page((runs / "lab" / "index.html").read_text()).links()


def test_elsewhere_there_is_no_page_of_all_sites(tmp_path: Path) -> None:
    recorded(tmp_path / "else" / "lab", "r01")
    assert not (tmp_path / "else" / "index.html").exists()
    assert "../index.html" not in Page((tmp_path / "else/lab/index.html").read_text()).links()


@pytest.mark.parametrize("damage", ["changed", "deleted", "older"])
def test_a_page_of_all_sites_that_no_run_wrote_is_reported(tmp_path: Path, damage: str) -> None:
    runs = tmp_path / "runs"
    recorded(runs / "lab", "r01")
    page = runs / "index.html"
    kept = page.read_bytes()
    recorded(runs / "other", "r01", site=OTHER)
    keys = load_public_keys([public_path(key_path(None))])
    assert verify(standing_in([runs]), keys, {}).problems == ()
    match damage:
        case "changed":
            page.write_text(page.read_text().replace("r01", "r02"))
        case "deleted":
            page.unlink()
        case "older":
            page.write_bytes(kept)
    (problem,) = verify(standing_in([runs]), keys, {}).problems
    assert problem.where == str(page)

"""What belongs to a site's chain, and where its parts lie."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from runs.recorded import recorded, run_facts

from kuryr_runbook.recording.chain import Head, Link, head_path, read_head
from kuryr_runbook.recording.expecting import heads_below, noted_heads
from kuryr_runbook.recording.records import Record
from kuryr_runbook.recording.signing import key_path, load_public_keys, public_path
from kuryr_runbook.recording.standing import standing_in
from kuryr_runbook.recording.verifying import Verification, verify

OLDER = Path(__file__).parent / "older"


def run(place: Path, name: str, **run: Any) -> Record:
    return recorded(place, name, run={**run_facts(place / name)["run"], **run})


def dry(place: Path, name: str) -> Record:
    return run(place, name, dry_run=True)


def verified(*places: Path) -> Verification:
    keys = load_public_keys([public_path(key_path(None))])
    heads = heads_below(noted_heads()[0], places)
    return verify(standing_in(places), keys, heads)


def problems(*places: Path) -> list[str]:
    return [str(problem) for problem in verified(*places).problems]


def test_a_dry_run_is_no_link_and_names_the_newest_change(tmp_path: Path) -> None:
    site = tmp_path / "lab"
    first, tried, second = run(site, "r01"), dry(site, "r02"), run(site, "r03")
    assert (first.number, tried.number, second.number) == (1, None, 2)
    assert tried.link is None
    assert tried.previous == first.link
    assert second.previous == first.link
    assert read_head("lab") == Head(Link(2, second.sha256, "r03"), second.directory)
    assert problems(site) == []


def test_a_dry_run_elsewhere_breaks_nothing_for_others(tmp_path: Path) -> None:
    site = tmp_path / "runs" / "lab"
    run(site, "r01")
    dry(tmp_path / "colleague", "r02")
    run(site, "r03")
    assert problems(site) == []
    assert problems(tmp_path / "colleague" / "r02") == []


def test_only_dry_runs_make_a_place_that_holds(tmp_path: Path) -> None:
    dry(tmp_path / "lab", "r01")
    assert read_head("lab") is None
    assert problems(tmp_path / "lab") == []


def test_a_dry_run_may_be_deleted_and_a_changed_one_is_found(tmp_path: Path) -> None:
    site = tmp_path / "lab"
    for name in ("r01", "r02"):
        dry(site, name)
    run(site, "r03")
    (site / "r02" / "run.json").write_text("{}")
    assert [problem.partition(": ")[0] for problem in problems(site)] == [
        str(site / "r02" / "run.json")
    ]
    shutil.rmtree(site / "r02")
    assert problems(site) == []


def test_a_change_elsewhere_is_read_where_it_was_made(tmp_path: Path) -> None:
    site = tmp_path / "runs" / "lab"
    run(site, "r01")
    other = run(tmp_path / "other", "r02")
    assert problems(site) == []  # it is the newest
    run(site, "r03")
    found = verified(site)
    assert found.problems == ()
    assert [record.directory for record in found.elsewhere] == [other.directory]
    assert [record.number for record in found.records] == [1, 2, 3]
    (other.directory / "run.json").write_text("{}")
    assert [problem.partition(": ")[0] for problem in problems(site)] == [
        str(other.directory / "run.json")
    ]


def test_a_missing_one_is_named_with_where_it_was_made(tmp_path: Path) -> None:
    site = tmp_path / "runs" / "lab"
    run(site, "r01")
    other = run(tmp_path / "other", "r02")
    run(site, "r03")
    shutil.rmtree(other.directory)
    (problem,) = problems(site)
    assert problem == (
        f"site lab: record 2 (r02), which r03 follows, is missing; it was made in {other.directory}"
    )


def test_what_replaces_a_record_elsewhere_is_not_taken_for_it(tmp_path: Path) -> None:
    site = tmp_path / "runs" / "lab"
    run(site, "r01")
    other = run(tmp_path / "other", "r02")
    run(site, "r03")
    shutil.copytree(site / "r01", tmp_path / "kept")
    shutil.rmtree(other.directory)
    (tmp_path / "kept").rename(other.directory)
    (problem,) = problems(site)
    assert "record 2 (r02), which r03 follows, is missing" in problem


def test_a_copy_has_to_be_whole_by_itself(tmp_path: Path) -> None:
    site = tmp_path / "runs" / "lab"
    for name in ("r01", "r02", "r03"):
        run(site, name)
    for name in ("r01", "r03"):
        shutil.copytree(site / name, tmp_path / "archive" / "lab" / name)
    assert [problem for problem in problems(tmp_path / "archive") if "missing" in problem] == [
        f"site lab: record 2 (r02), which r03 follows, is missing; it was made in {site / 'r02'}"
    ]
    shutil.rmtree(tmp_path / "archive" / "lab" / "r03")
    (problem,) = problems(tmp_path / "archive")
    assert "record 3" in problem
    assert "the newest one made here, is missing" in problem


def test_a_note_of_an_older_runbook_is_read(tmp_path: Path) -> None:
    record = run(tmp_path / "lab", "r01")
    digest = record.sha256
    head_path("lab").write_text(f'{{"number": 1, "sha256": "{digest}", "directory": "r01"}}')
    assert read_head("lab") == Head(Link(1, digest, "r01"), None)
    assert run(tmp_path / "lab", "r02").number == 2


def test_records_of_an_older_runbook_hold_also_dry_runs_which_were_links(tmp_path: Path) -> None:
    """Made before dry runs left the chain, and before records said where they were made."""
    site = tmp_path / "lab"
    shutil.copytree(OLDER / "lab", site)
    keys = load_public_keys([OLDER / "signing-key.pub"])
    found = verify(standing_in([site]), keys, {})
    assert found.problems == ()
    assert [record.number for record in found.records] == [1, 2, 3]
    assert found.records[1].predicate["run"]["dry_run"]
    shutil.rmtree(site / "r02")
    (problem,) = verify(standing_in([site]), keys, {}).problems
    assert "record 2 (r02), which r03 follows, is missing" in str(problem)

"""The index page of runs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from runs.recorded import FINDING, a_phase, recorded
from support.pages import Page

from kuryr_runbook.recording.pages.index import (
    MOST,
    comparison_data,
    extended_index,
    listed_in,
    render_index,
)
from kuryr_runbook.recording.records import Record, read_record

OLDER = Path(__file__).parents[1] / "older"


def failing(number: int) -> dict[str, str]:
    return {**FINDING, "status": "fail", "title": f"<503> {number}", "evidence": "x"}


def two(tmp_path: Path) -> list[Record]:
    phases = [
        a_phase("controller", findings=[FINDING, failing(1)], notebook="02_openstack_prep.ipynb"),
        a_phase("daemon", status="NOT_REACHED", seconds=None, started=None, ended=None),
    ]
    return [recorded(tmp_path / "lab", "r01"), recorded(tmp_path / "lab", "r02", phases=phases)]


def extended(text: str, record: Record) -> str:
    listed = listed_in(text)
    assert listed
    return extended_index(record.site, listed, [record])


def test_it_needs_nothing_else_and_links_to_what_is_there(tmp_path: Path) -> None:
    text = render_index(two(tmp_path))
    page = Page(text)
    assert not re.search(r"https?://|url\(|@import", text)
    assert not page.all_of("link")
    assert not any(item.get("src") for item in page.all_of("script"))
    links = page.links()
    assert {"r01/index.html", "r02/index.html", "r02/02_openstack_prep.html"} <= {*links}
    for link in links:
        assert (tmp_path / "lab" / unquote(link)).is_file()


def test_it_can_be_read_by_all_and_without_scripts(tmp_path: Path) -> None:
    text = render_index(two(tmp_path))
    page = Page(text)
    assert page.all_of("html")[0]["lang"] == "en"
    assert len(page.all_of("h1")) == 1
    assert len(page.all_of("caption")) == len(page.all_of("table")) == 1
    assert all(item["scope"] in ("col", "row") for item in page.all_of("th"))
    (tools,) = [item for _, item in page.tags if item.get("id") == "tools"]
    assert "hidden" in tools
    for said in (
        "1 fail",
        "1 pass",
        "daemon NOT_REACHED",
        "SUCCEEDED",
        "1 create",
        "record 2 of lab",
    ):
        assert said in text
    assert "&lt;503&gt;" in text
    assert text.index('id="run-r02"') < text.index('id="run-r01"')


def test_rows_carry_what_can_be_filtered(tmp_path: Path) -> None:
    page = Page(render_index(two(tmp_path)))
    row = next(item for item in page.all_of("tr") if item.get("id") == "run-r02")
    assert row["data-site"] == "lab"
    assert row["data-status"] == "SUCCEEDED"
    assert row["data-kind"] == "run"
    assert row["data-started"] == "2026-11-26T10:02:00+00:00"
    assert row["data-phases"] == "controller:SUCCEEDED daemon:NOT_REACHED"
    assert row["data-findings"] == "pass fail"


def test_a_page_of_one_run_more_is_the_page_of_all(tmp_path: Path) -> None:
    first, second = two(tmp_path)
    assert extended(render_index([first]), second) == render_index([first, second])


def test_a_large_run_has_a_small_row(tmp_path: Path) -> None:
    many = [failing(number) for number in range(200)]
    phases = [a_phase(f"phase-{number}" * 50, findings=many) for number in range(30)]
    record = recorded(tmp_path / "lab", "r01", phases=phases)
    text = render_index([record])
    row = next(line for line in text.splitlines() if line.startswith("<tr id="))
    assert len(row) < 10_000


def test_older_runs_are_counted_and_no_longer_listed(tmp_path: Path) -> None:
    record = recorded(tmp_path / "lab", "r01")
    all_of_them = [replace(record, directory=tmp_path / f"r{n}") for n in range(MOST + 2)]
    full = render_index(all_of_them[:MOST])
    assert "older runs" not in full
    more = extended(extended(full, all_of_them[-2]), all_of_them[-1])
    assert more.count("<tr id=") == MOST
    assert "2 older runs are not in this list" in more


def test_what_is_compared_is_a_script_of_plain_ascii(tmp_path: Path) -> None:
    site = {"name": "lab", "digest": {"sha256": "0"}, "parameters": {"a": "</script>\u2028é"}}
    text = comparison_data(recorded(tmp_path / "lab", "r01", site=site).predicate)
    assert text.isascii()
    assert text.startswith('kuryrRun({"parameters": {"a": "</script>\\\\u2028\\u00e9"}')


def test_runs_of_older_runbooks_are_listed_with_links_to_what_they_have(tmp_path: Path) -> None:
    directories = sorted((OLDER / "lab").glob("r0*"))
    text = render_index(map(read_record, directories))
    rows = [row["id"] for row in Page(text).all_of("tr") if "id" in row]
    assert rows == ["run-r03", "run-r02", "run-r01"]
    assert "record 2 of lab" in text
    assert not [link for link in Page(text).links() if not (OLDER / "lab" / link).is_file()]

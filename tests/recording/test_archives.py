"""Copies of records: in a directory, and behind a URL."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
from papermill.iorw import papermill_io
from runs.recorded import recorded
from worlds.sites import lab_site

from kuryr_runbook.clients import exchanges
from kuryr_runbook.model.errors import RecordError, UnreachableError, UsageError
from kuryr_runbook.recording import archives
from kuryr_runbook.recording.archives import (
    Upload,
    UrlStore,
    newest_link,
    upload_record,
    write_archive_index,
)
from kuryr_runbook.recording.pages.index import render_index
from kuryr_runbook.recording.records import Record
from kuryr_runbook.recording.signing import load_signer
from kuryr_runbook.recording.standing import standing_in
from kuryr_runbook.recording.verifying import verify


@pytest.fixture
def record(tmp_path: Path) -> Record:
    (tmp_path / "runs" / "lab" / "r01" / "below").mkdir(parents=True)
    (tmp_path / "runs" / "lab" / "r01" / "below" / "more.html").write_text("more\n\n")
    return recorded(tmp_path / "runs" / "lab", "r01")


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_a_directory_gets_all_once(record: Record, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    assert upload_record(record, str(archive)) is Upload.COPIED
    assert contents(archive / "lab" / "r01") == contents(record.directory)
    times = {path: path.stat().st_mtime_ns for path in archive.rglob("*")}
    assert upload_record(record, str(archive)) is Upload.THERE
    assert {path: path.stat().st_mtime_ns for path in archive.rglob("*")} == times


def test_what_is_there_and_differs_is_not_overwritten(record: Record, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    other = archive / "lab" / "r01" / "run.json"
    other.parent.mkdir(parents=True)
    other.write_text("another")
    with pytest.raises(RecordError, match="a different lab/r01/run"):
        upload_record(record, str(archive))
    assert other.read_text() == "another"
    # The record comes last: without it the copy does not count as whole.
    assert not (other.parent / "record.json").exists()


def test_a_copy_that_was_cut_off_goes_on(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "archive"
    write = archives.DirectoryStore.write

    def full(store: archives.DirectoryStore, name: str, content: bytes) -> None:
        if name.endswith("run.json"):
            raise OSError(28, "No space left on device")
        write(store, name, content)

    with monkeypatch.context() as patched:
        patched.setattr(archives.DirectoryStore, "write", full)
        with pytest.raises(RecordError, match="No space left") as caught:
            upload_record(record, str(archive))
    assert "records upload" in str(caught.value)
    assert contents(archive / "lab" / "r01")
    assert upload_record(record, str(archive)) is Upload.COPIED
    assert contents(archive / "lab" / "r01") == contents(record.directory)


def test_the_newest_of_the_archive_is_known_to_a_machine_without_history(
    record: Record, tmp_path: Path
) -> None:
    archive = str(tmp_path / "archive")
    assert newest_link(archive, "lab") is None
    upload_record(record, archive)
    second = recorded(tmp_path / "runs" / "lab", "r02")
    upload_record(second, archive)
    (tmp_path / "archive" / "lab" / "r03").mkdir()
    assert newest_link(archive, "lab") == second.link
    assert newest_link("gs://not-installed", "lab") is None


def test_its_index_is_what_all_its_records_say(record: Record, tmp_path: Path) -> None:
    """Whatever the order in which they came, and whoever else copied some meanwhile."""
    archive, runs = tmp_path / "archive", tmp_path / "runs" / "lab"
    records = [record, *(recorded(runs, f"r0{number}") for number in range(2, 6))]
    for it in (records[1], records[0], records[3]):
        upload_record(it, str(archive))
        write_archive_index(str(archive), "lab")
    upload_record(records[4], str(archive))  # By another machine, whose page was replaced.
    upload_record(records[2], str(archive))
    (archive / "lab" / "r06").mkdir()  # Not complete.
    write_archive_index(str(archive), "lab")
    page = archive / "lab" / "index.html"
    assert page.read_text() == render_index(records)
    href = re.search(r'href="\.\./([^"#]*)#([^"]*)"', (archive / "lab/r03/index.html").read_text())
    assert href
    assert href[1] == page.name
    assert f'id="{href[2]}"' in page.read_text()
    found = verify(standing_in([archive]), [load_signer(lab_site()).public_key], {})
    assert [it.where for it in found.problems] == [str(archive / "lab" / "r06")]


def test_its_index_reads_only_what_it_does_not_list(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, read = str(tmp_path / "archive"), []
    upload_record(record, archive)
    write_archive_index(archive, "lab")
    upload_record(recorded(tmp_path / "runs" / "lab", "r02"), archive)
    reading = archives.DirectoryStore.read

    def noted(store: archives.DirectoryStore, name: str) -> bytes:
        read.append(name)
        return reading(store, name)

    monkeypatch.setattr(archives.DirectoryStore, "read", noted)
    write_archive_index(archive, "lab")
    assert read == ["lab/index.html", "lab/r02/record.json"]


def test_an_index_of_somebody_else_is_written_anew(record: Record, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    upload_record(record, str(archive))
    (archive / "lab" / "index.html").write_text("<p>evil")
    (archive / "lab" / "r01" / "record.json").write_text("{}")
    write_archive_index(str(archive), "lab")
    assert (archive / "lab" / "index.html").read_text() == render_index([]).replace(
        "Runs of no site", "Runs of lab"
    )


def test_an_index_that_cannot_be_written_is_reported(record: Record, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    upload_record(record, str(archive))
    (archive / "lab" / "index.html").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RecordError, match=r"lab/index.html in .* was not written") as caught:
        write_archive_index(str(archive), "lab")
    assert "the next run or upload" in str(caught.value)


@pytest.mark.parametrize("archive", ["https://example.org/put", "ftp://example.org"])
def test_a_url_that_cannot_say_what_is_there_is_refused(archive: str, record: Record) -> None:
    with pytest.raises(UsageError, match="cannot be an archive"):
        upload_record(record, archive)


def test_without_its_handler_the_extra_is_named(record: Record) -> None:
    with pytest.raises(RecordError) as caught:
        upload_record(record, "gs://bucket/runs")
    assert "pip install 'papermill[gcs]'" in str(caught.value)


def test_an_archive_that_does_not_answer_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    class Silent:
        def read(self, path: str) -> str:
            over.wait()
            return ""

    monkeypatch.setattr(papermill_io, "get_handler", lambda path: Silent())
    monkeypatch.setattr(exchanges, "ARCHIVE", exchanges.Bounds(whole=0.1))
    with pytest.raises(UnreachableError, match=r"archive s3://nowhere.*: not done after"):
        UrlStore("s3://nowhere").read("x")
    over.set()

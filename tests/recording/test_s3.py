"""The archive in an object store, over HTTP. Wants the extra `archive` and moto."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from runs.recorded import recorded
from worlds import object_store

from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.recording.archives import (
    Upload,
    newest_link,
    upload_record,
    write_archive_index,
)
from kuryr_runbook.recording.pages.index import render_index
from kuryr_runbook.recording.records import Record

ARCHIVE = "s3://audit/kuryr"
pytestmark = object_store.QUIET


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return recorded(tmp_path / "runs" / "lab", "r01")


def objects(client: Any) -> dict[str, bytes]:
    found = client.list_objects_v2(Bucket="audit").get("Contents", ())
    return {
        item["Key"]: client.get_object(Bucket="audit", Key=item["Key"])["Body"].read()
        for item in found
    }


def test_all_is_copied_byte_by_byte_and_only_once(bucket: Any, record: Record) -> None:
    assert upload_record(record, ARCHIVE) is Upload.COPIED
    assert objects(bucket) == {
        f"kuryr/lab/r01/{path.name}": path.read_bytes() for path in record.directory.iterdir()
    }
    assert upload_record(record, ARCHIVE) is Upload.THERE


def test_the_newest_is_found_and_its_digest_is_right(
    bucket: Any, record: Record, tmp_path: Path
) -> None:
    assert newest_link(ARCHIVE, "lab") is None
    upload_record(record, ARCHIVE)
    second = recorded(tmp_path / "runs" / "lab", "r02")
    upload_record(second, ARCHIVE)
    assert newest_link(ARCHIVE, "lab") == second.link


def test_the_index_there_lists_every_run(bucket: Any, record: Record, tmp_path: Path) -> None:
    records = [record, recorded(tmp_path / "runs" / "lab", "r02")]
    for it in records:
        upload_record(it, ARCHIVE)
        write_archive_index(ARCHIVE, "lab")
    assert objects(bucket)["kuryr/lab/index.html"].decode() == render_index(records)
    assert newest_link(ARCHIVE, "lab") == records[1].link


def test_another_object_of_that_name_stays(bucket: Any, record: Record) -> None:
    bucket.put_object(Bucket="audit", Key="kuryr/lab/r01/run.json", Body=b"another")
    with pytest.raises(RecordError, match="another lab/r01/run"):
        upload_record(record, ARCHIVE)
    kept = objects(bucket)
    assert kept["kuryr/lab/r01/run.json"] == b"another"
    assert "kuryr/lab/r01/record.json" not in kept


def test_a_store_that_refuses_leaves_the_record_to_be_copied_again(
    endpoint: str, record: Record
) -> None:
    before = {path.name: path.read_bytes() for path in record.directory.iterdir()}
    with pytest.raises(RecordError, match="was not copied to s3://audit/kuryr: NoSuchBucket"):
        upload_record(record, ARCHIVE)
    assert {path.name: path.read_bytes() for path in record.directory.iterdir()} == before
    client = object_store.client()
    client.create_bucket(Bucket="audit")
    assert upload_record(record, ARCHIVE) is Upload.COPIED
    assert len(objects(client)) == len(before)

"""The archive in an object store, over HTTP. Wants the extra `archive` and moto."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from recorded import recorded

from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.recording.archives import Upload, newest_link, upload_record
from kuryr_runbook.recording.records import Record

boto3 = pytest.importorskip("boto3", reason="the extra `archive` is not installed")
moto_server = pytest.importorskip("moto.server", reason="moto[server] is not installed")
s3 = pytest.importorskip("papermill.s3")

ARCHIVE = "s3://audit/kuryr"
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    # boto keeps connections open until it is collected.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    for name, value in {
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "no-secret-here",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": url,
        "AWS_MAX_ATTEMPTS": "1",
        "BOTO3_ENDPOINT_URL": url,
        "NO_PROXY": host,
    }.items():
        monkeypatch.setenv(name, value)
    # All of its servers in one process have the same buckets.
    requests.post(f"{url}/moto-api/reset", timeout=10).raise_for_status()
    monkeypatch.setattr(s3.S3, "s3_session", (None, None, None))
    yield url
    server.stop()


@pytest.fixture
def bucket(endpoint: str) -> Any:
    client = boto3.client("s3")
    client.create_bucket(Bucket="audit")
    return client


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Record:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
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
    client = boto3.client("s3")
    client.create_bucket(Bucket="audit")
    assert upload_record(record, ARCHIVE) is Upload.COPIED
    assert len(objects(client)) == len(before)

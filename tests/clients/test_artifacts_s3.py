"""The artifact store in a bucket, over HTTP."""

from __future__ import annotations

import hashlib
import sys
from typing import Any

import pytest
from worlds import object_store

from kuryr_runbook.clients.artifacts import artifact_store
from kuryr_runbook.model.errors import AccessError, ApplyError, UnreachableError, UsageError

PLUGIN = b"\x7fELF plugin"
PATH = "stein/0123/kuryr-cni"
STORE = "s3://audit/plugins"
pytestmark = object_store.QUIET


def test_what_was_put_is_read_back(bucket: Any) -> None:
    store = artifact_store(f"{STORE}/")
    assert store.sha256(PATH) is None
    store.put(PATH, PLUGIN)
    found = bucket.get_object(Bucket="audit", Key=f"plugins/{PATH}")["Body"].read()
    assert found == PLUGIN
    assert store.sha256(PATH) == hashlib.sha256(PLUGIN).hexdigest()


def test_a_bucket_may_be_the_whole_store(bucket: Any) -> None:
    artifact_store("s3://audit").put(PATH, PLUGIN)
    assert bucket.get_object(Bucket="audit", Key=PATH)["Body"].read() == PLUGIN


def test_a_refusal_names_step_and_answer(endpoint: str) -> None:
    with pytest.raises(ApplyError, match=f"writing {STORE}/{PATH}: .* answers NoSuchBucket"):
        artifact_store(STORE).put(PATH, PLUGIN)


def test_without_a_login_it_says_where_one_may_stand(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    with pytest.raises(AccessError, match="there is no login") as e:
        artifact_store(STORE).sha256(PATH)
    assert "AWS_PROFILE" in str(e.value.remedy)


def test_silence_is_reported_apart(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(UnreachableError, match=f"artifact store {STORE}: no answer"):
        artifact_store(STORE).sha256(PATH)


def test_without_the_extra_it_says_which_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(UsageError, match="boto3 is not installed") as e:
        artifact_store(STORE).sha256(PATH)
    assert "kuryr-runbook[archive]" in str(e.value.remedy)

"""An object store that speaks S3, on loopback. Wants the extra `archive` and moto."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

QUIET = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    # boto keeps connections open until it is collected.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def client() -> Any:
    """boto3's, for what the test itself looks at."""
    import boto3

    return boto3.client("s3")


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The store's URL, which the environment names too; without the software, a skip."""
    pytest.importorskip("boto3", reason="the extra `archive` is not installed")
    moto_server = pytest.importorskip("moto.server", reason="moto[server] is not installed")
    papermill_s3 = pytest.importorskip("papermill.s3")
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
    monkeypatch.setattr(papermill_s3.S3, "s3_session", (None, None, None))
    yield url
    server.stop()


@pytest.fixture
def bucket(endpoint: str) -> Any:
    """A client, and the bucket `audit`."""
    made = client()
    made.create_bucket(Bucket="audit")
    return made

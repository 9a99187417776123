"""A store for the CNI plugin: one that takes HTTP PUT, such as a WebDAV share, or speaks S3.

The login is that of the user's ~/.netrc, or of where boto3 looks for it, so that it stands in no
site file.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import requests

from kuryr_runbook.model.errors import (
    AccessError,
    ApplyError,
    DriftError,
    UnreachableError,
    UsageError,
)

SECONDS = 60
NETRC = "write the store's login to ~/.netrc: `machine HOST login USER password PASSWORD`"


S3 = "s3://"
LOGIN = "give the login in one of boto3's ways: AWS_ACCESS_KEY_ID, AWS_PROFILE, ~/.aws/credentials"
REFUSALS = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch")
"""Error codes of S3 for a login that may not (docs.aws.amazon.com, S3 API, error responses)."""


def artifact_store(url: str) -> ArtifactStore:
    """The store at a URL: s3://bucket/directory, or one that takes HTTP PUT."""
    return S3Store(url) if url.startswith(S3) else HttpStore(url)


class ArtifactStore(ABC):
    """Reads and writes files below one URL.

    Whatever is asked of it raises AccessError when the store refuses or isn't trusted,
    UnreachableError when it doesn't answer, ApplyError when it cannot.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def address(self, path: str) -> str:
        """The URL of a file."""
        return f"{self._url}/{path}"

    def sha256(self, path: str) -> str | None:
        """SHA-256 of what stands there; None when there is nothing."""
        content = self._read(path)
        return None if content is None else hashlib.sha256(content).hexdigest()

    def put(self, path: str, content: bytes) -> None:
        """Write a file and read it back. Raises DriftError when something else is there then."""
        self._write(path, content)
        wanted, found = hashlib.sha256(content).hexdigest(), self.sha256(path)
        if found != wanted:
            raise DriftError(
                f"{self.address(path)}: wrote sha256 {wanted}, read {found or 'nothing'}",
                remedy="see whether the store keeps what is PUT, and who else writes there",
            )

    @abstractmethod
    def _read(self, path: str) -> bytes | None:
        """The content of a file; None when there is none."""

    @abstractmethod
    def _write(self, path: str, content: bytes) -> None:
        """Write a file."""


class HttpStore(ArtifactStore):
    """A directory that takes HTTP PUT."""

    def _read(self, path: str) -> bytes | None:
        answer = self._request("GET", path)
        if answer.status_code == requests.codes.not_found:
            return None
        self._expect(answer, f"reading {self.address(path)}")
        return answer.content

    def _write(self, path: str, content: bytes) -> None:
        self._expect(self._request("PUT", path, content), f"writing {self.address(path)}")

    def _request(self, method: str, path: str, content: bytes | None = None) -> requests.Response:
        try:
            return requests.request(method, self.address(path), data=content, timeout=SECONDS)
        except requests.exceptions.SSLError as error:
            raise AccessError(
                f"artifact store {self._url}: its certificate is not trusted",
                remedy="set REQUESTS_CA_BUNDLE to the CA that signed it",
            ) from error
        except requests.exceptions.RequestException as error:
            raise UnreachableError(
                f"artifact store {self._url}: no answer: {type(error).__name__}",
                remedy="check image.artifact_store, and that the store runs",
            ) from error

    def _expect(self, answer: requests.Response, step: str) -> None:
        if answer.ok:
            return
        if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
            raise AccessError(f"{step}: the store answers {answer.status_code}", remedy=NETRC)
        raise ApplyError(
            f"{step}: the store answers {answer.status_code} {answer.reason}",
            remedy="see that the directory of image.artifact_store exists and takes PUT",
        )


class S3Store(ArtifactStore):
    """A prefix in a bucket of a store that speaks S3; which store, AWS_ENDPOINT_URL says."""

    def _read(self, path: str) -> bytes | None:
        with self._asked(f"reading {self.address(path)}") as client:
            try:
                found = client.get_object(Bucket=self._bucket, Key=self._key(path))
            except client.exceptions.NoSuchKey:
                return None
            return bytes(found["Body"].read())

    def _write(self, path: str, content: bytes) -> None:
        with self._asked(f"writing {self.address(path)}") as client:
            client.put_object(Bucket=self._bucket, Key=self._key(path), Body=content)

    @property
    def _bucket(self) -> str:
        return self._url.removeprefix(S3).partition("/")[0]

    def _key(self, path: str) -> str:
        return self.address(path).removeprefix(f"{S3}{self._bucket}/")

    @cached_property
    def _client(self) -> Any:
        try:
            import boto3
        except ImportError as error:
            raise UsageError(
                f"artifact store {self._url}: boto3 is not installed",
                remedy="pip install 'kuryr-runbook[archive]'",
            ) from error
        return boto3.Session().client("s3")

    @contextmanager
    def _asked(self, step: str) -> Iterator[Any]:
        """The client, for one step: what it raises is told in our words."""
        client = self._client
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        try:
            yield client
        except NoCredentialsError as error:
            raise AccessError(f"{step}: there is no login for the store", remedy=LOGIN) from error
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in REFUSALS:
                said = f"{step}: the store answers {code}"
                raise AccessError(said, remedy=LOGIN) from error
            raise ApplyError(
                f"{step}: the store answers {code}",
                remedy="see that the bucket of image.artifact_store exists and takes objects",
            ) from error
        except BotoCoreError as error:
            raise UnreachableError(
                f"artifact store {self._url}: no answer: {error}",
                remedy="check image.artifact_store and AWS_ENDPOINT_URL",
            ) from error

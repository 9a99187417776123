"""A store for the CNI plugin: one that takes HTTP PUT, such as a WebDAV share, or speaks S3.

The login comes from the user's ~/.netrc, or from wherever boto3 finds it, so no site file contains
it.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import requests

from kuryr_runbook.clients import exchanges
from kuryr_runbook.clients.answers import LONGEST_REASON, MALFORMED
from kuryr_runbook.clients.exchanges import exchange
from kuryr_runbook.clients.patience import Notify
from kuryr_runbook.clients.transport import bound_s3, web_session
from kuryr_runbook.model.errors import (
    AccessError,
    ApplyError,
    DriftError,
    RunbookError,
    UnreachableError,
    UsageError,
)

CHECK_STORE = "check image.artifact_store, and that the store runs"
NETRC = "write the store's login to ~/.netrc: `machine HOST login USER password PASSWORD`"


S3 = "s3://"
CHECK_S3 = "check image.artifact_store and AWS_ENDPOINT_URL"
LOGIN = "give the login in one of boto3's ways: AWS_ACCESS_KEY_ID, AWS_PROFILE, ~/.aws/credentials"
REFUSALS = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch")
"""S3's error codes when a login is not permitted (docs.aws.amazon.com, S3 API, error responses)."""


def artifact_store(url: str, notify: Notify = lambda line: None) -> ArtifactStore:
    """The store at a URL: s3://bucket/directory, or one that takes HTTP PUT."""
    return S3Store(url, notify) if url.startswith(S3) else HttpStore(url, notify)


class ArtifactStore(ABC):
    """Reads and writes files below one URL.

    All methods raise AccessError if the store refuses or isn't trusted, UnreachableError if it
    doesn't answer, ApplyError if it fails.
    """

    def __init__(self, url: str, notify: Notify = lambda line: None) -> None:
        self._url = url.rstrip("/")
        self._notify = notify

    def address(self, path: str) -> str:
        """The URL of a file."""
        return f"{self._url}/{path}"

    def sha256(self, path: str) -> str | None:
        """SHA-256 of the file; None if there is none."""
        content = self._read(path)
        return None if content is None else hashlib.sha256(content).hexdigest()

    def put(self, path: str, content: bytes) -> None:
        """Write a file and read it back. Raises DriftError if the content differs."""
        self._write(path, content)
        wanted, found = hashlib.sha256(content).hexdigest(), self.sha256(path)
        if found != wanted:
            raise DriftError(
                f"{self.address(path)}: wrote sha256 {wanted}, read {found or 'nothing'}",
                remedy="check that the store keeps what is PUT, and who else writes there",
            )

    @abstractmethod
    def _read(self, path: str) -> bytes | None:
        """The content of a file; None if there is none."""

    @abstractmethod
    def _write(self, path: str, content: bytes) -> None:
        """Write a file."""


class HttpStore(ArtifactStore):
    """A directory that takes HTTP PUT."""

    def __init__(self, url: str, notify: Notify = lambda line: None) -> None:
        super().__init__(url, notify)
        self._web = web_session()

    def _read(self, path: str) -> bytes | None:
        answer = self._request("GET", path)
        if answer.status_code == requests.codes.not_found:
            return None
        self._expect(answer, f"reading {self.address(path)}")
        return answer.content

    def _write(self, path: str, content: bytes) -> None:
        self._expect(self._request("PUT", path, content), f"writing {self.address(path)}")

    def _request(self, method: str, path: str, content: bytes | None = None) -> requests.Response:
        peer = f"artifact store {self._url}"
        try:
            with exchange(peer, bounds=exchanges.FILE, remedy=CHECK_STORE, notify=self._notify):
                return self._web.request(method, self.address(path), data=content)
        except requests.exceptions.SSLError as error:
            raise AccessError(
                f"artifact store {self._url}: its certificate is not trusted",
                remedy="set REQUESTS_CA_BUNDLE to the CA that signed it",
            ) from error
        except (requests.exceptions.RequestException, *MALFORMED) as error:
            # MALFORMED: an invalid address, or a redirect to one.
            raise UnreachableError(
                f"artifact store {self._url}: no answer: {type(error).__name__}",
                remedy=CHECK_STORE,
            ) from error

    def _expect(self, answer: requests.Response, step: str) -> None:
        if answer.ok:
            return
        if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
            raise AccessError(f"{step}: the store answers {answer.status_code}", remedy=NETRC)
        raise ApplyError(
            f"{step}: the store answers {answer.status_code} {str(answer.reason)[:LONGEST_REASON]}",
            remedy="check that the directory of image.artifact_store exists and accepts PUT",
        )


class S3Store(ArtifactStore):
    """A prefix in a bucket of a store that speaks S3; AWS_ENDPOINT_URL says which store."""

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
        return bound_s3(boto3.Session().client("s3"))

    @contextmanager
    def _asked(self, step: str) -> Iterator[Any]:
        """The client, for one step; its errors are raised as ours."""
        client = self._client
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        peer = f"artifact store {self._url}"
        try:
            with exchange(peer, bounds=exchanges.FILE, remedy=CHECK_S3, notify=self._notify):
                yield client
        except NoCredentialsError as error:
            raise AccessError(f"{step}: there is no login for the store", remedy=LOGIN) from error
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "an error"))[:LONGEST_REASON]
            if code in REFUSALS:
                said = f"{step}: the store answers {code}"
                raise AccessError(said, remedy=LOGIN) from error
            raise ApplyError(
                f"{step}: the store answers {code}",
                remedy="check that the bucket of image.artifact_store exists and accepts objects",
            ) from error
        except BotoCoreError as error:
            # The errors of our connections arrive wrapped.
            if isinstance(ours := error.kwargs.get("error"), RunbookError):
                raise ours from error
            raise UnreachableError(
                f"artifact store {self._url}: no answer: {f'{error}'[:LONGEST_REASON]}",
                remedy=CHECK_S3,
            ) from error

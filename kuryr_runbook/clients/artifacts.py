"""A store for the CNI plugin that takes files by HTTP PUT, such as a WebDAV share or Artifactory.

The login is that of the user's ~/.netrc, so that it stands in no site file.
"""

from __future__ import annotations

import hashlib

import requests

from kuryr_runbook.model.errors import AccessError, ApplyError, DriftError, UnreachableError

SECONDS = 60
NETRC = "write the store's login to ~/.netrc: `machine HOST login USER password PASSWORD`"


class ArtifactStore:
    """Reads and writes files below one URL."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def address(self, path: str) -> str:
        """The URL of a file."""
        return f"{self._url}/{path}"

    def sha256(self, path: str) -> str | None:
        """SHA-256 of what stands there; None when there is nothing.

        Raises AccessError when the store refuses or isn't trusted, UnreachableError when it doesn't
        answer.
        """
        answer = self._request("GET", path)
        if answer.status_code == requests.codes.not_found:
            return None
        self._expect(answer, f"reading {self.address(path)}")
        return hashlib.sha256(answer.content).hexdigest()

    def put(self, path: str, content: bytes) -> None:
        """Write a file and read it back.

        Raises as `sha256` does, and DriftError when the store then has something else.
        """
        self._expect(self._request("PUT", path, content), f"writing {self.address(path)}")
        wanted, found = hashlib.sha256(content).hexdigest(), self.sha256(path)
        if found != wanted:
            raise DriftError(
                f"{self.address(path)}: wrote sha256 {wanted}, read {found or 'nothing'}",
                remedy="see whether the store keeps what is PUT, and who else writes there",
            )

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

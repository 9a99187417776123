"""Uploads an image from the cache to the lab's registry (OCI distribution specification 1.1)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urljoin

import requests

from kuryr_runbook.lab import base_image, registry
from kuryr_runbook.lab.base_image import CODENAME, MANIFEST_TYPE, REPOSITORY
from kuryr_runbook.lab.programs import Progress
from kuryr_runbook.lab.settings import REGISTRY, LabSettings
from kuryr_runbook.model.errors import LabError

SECONDS = 120
_API = f"https://{REGISTRY}/v2/{REPOSITORY}/"


def upload(image: Path, settings: LabSettings, say: Progress) -> None:
    """Upload what the registry is missing of the base image. Raises LabError when it refuses."""
    login = registry.read_login(settings)
    manifest = (image / "manifest.json").read_bytes()
    with requests.Session() as session:
        # The caller's proxy, CA bundle and ~/.netrc do not apply to the lab.
        session.trust_env = False
        session.auth = (login.user, login.password)
        session.verify = str(settings.ca)
        try:
            known = session.head(
                f"{_API}manifests/{CODENAME}", headers={"Accept": MANIFEST_TYPE}, timeout=SECONDS
            )
            if known.headers.get("Docker-Content-Digest") == base_image.digest_of(manifest):
                return
            say(f"uploading {base_image.REFERENCE}")
            for name in ("layer.tar.gz", "config.json"):
                _upload_blob(session, image / name)
            _accepted(
                session.put(
                    f"{_API}manifests/{CODENAME}",
                    data=manifest,
                    headers={"Content-Type": MANIFEST_TYPE},
                    timeout=SECONDS,
                )
            )
        except requests.RequestException as error:
            raise LabError(
                f"the lab's registry at {REGISTRY} does not answer: {error}",
                remedy=f"see `kuryr-runbook lab logs {registry.NAME}`",
            ) from error


def _upload_blob(session: requests.Session, file: Path) -> None:
    digest = base_image.digest_of_file(file)
    if session.head(f"{_API}blobs/{digest}", timeout=SECONDS).ok:
        return
    begun = session.post(f"{_API}blobs/uploads/", timeout=SECONDS)
    _accepted(begun)
    where = urljoin(_API, begun.headers["Location"])
    with file.open("rb") as content:
        _accepted(
            session.put(
                where,
                params={"digest": digest},
                data=content,
                headers={"Content-Type": "application/octet-stream"},
                timeout=SECONDS,
            )
        )


def _accepted(answer: requests.Response) -> None:
    if not answer.ok:
        raise LabError(
            f"the lab's registry refused {answer.request.method} {answer.url}: "
            f"{answer.status_code} {answer.text[:200]}",
            remedy=f"see `kuryr-runbook lab logs {registry.NAME}`",
        )

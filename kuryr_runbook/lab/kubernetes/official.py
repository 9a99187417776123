"""Kubernetes' official release: a single archive, pinned by its published digest."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import tarfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import requests

from kuryr_runbook.lab.programs import Progress
from kuryr_runbook.lab.settings import KUBERNETES_VERSION
from kuryr_runbook.model.errors import LabError

URL_VARIABLE = "KURYR_RUNBOOK_KUBERNETES_URL"
"""Environment variable with a mirror to use instead of `RELEASE_URL`."""
RELEASE_URL = "https://dl.k8s.io/release"
ARCHIVE = "kubernetes-server-linux-amd64.tar.gz"
SHA512 = (
    "65abf178782e43bc21e8455ffbfdadf6064dbeae3ff704ccf9e13e8acee18235"
    "c280b06778e5de4bd702f5507e1870fe38c561366d125ef4f821ed7aa46e9f45"
)
"""Of `ARCHIVE` for 1.20.2, as CHANGELOG/CHANGELOG-1.20.md of kubernetes/kubernetes publishes it."""

CONNECT_SECONDS = 5
STALL_SECONDS = 30
FETCH_SECONDS = 900
HEARTBEAT_SECONDS = 10


class NotAvailable(Exception):  # noqa: N818 - not a failure: the caller has another way
    """The release cannot be fetched from here; the text says why."""


def fetch(
    components: Sequence[str], home: Path, say: Progress, environment: Mapping[str, str]
) -> Path:
    """Fetch the release, check its digest, and put the components into `home`.

    `home` is only created when all are there. Raises NotAvailable when there is no answer,
    LabError when the archive is not the published one.
    """
    if platform.machine() != "x86_64":
        raise NotAvailable(
            f"the pinned archive is for x86_64, this machine is {platform.machine()}"
        )
    base = environment.get(URL_VARIABLE) or RELEASE_URL
    work = home.with_name(f"{home.name}.part")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        archive = work / ARCHIVE
        url = f"{base.rstrip('/')}/v{KUBERNETES_VERSION}/{ARCHIVE}"
        check_digest(_download(url, archive, say), url)
        _extract(archive, components, work / "bin")
        os.replace(work / "bin", home)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return home


def check_digest(digest: str, url: str) -> None:
    """Raise LabError unless the digest is the published one."""
    if digest != SHA512:
        raise LabError(
            f"{url} is not the archive that Kubernetes published: expected SHA-512 {SHA512}, "
            f"saw {digest}",
            remedy=f"find out what answers there, or set {URL_VARIABLE} to an unmodified mirror",
        )


def _download(url: str, file: Path, say: Progress) -> str:
    """Download the URL into the file and return its SHA-512."""
    begun = reported = time.monotonic()
    digest = hashlib.sha512()
    size = 0
    try:
        with requests.get(url, stream=True, timeout=(CONNECT_SECONDS, STALL_SECONDS)) as answer:
            answer.raise_for_status()
            say(f"Fetching {url}")
            with file.open("wb") as out:
                for block in answer.iter_content(1 << 20):
                    size += len(block)
                    digest.update(block)
                    out.write(block)
                    now = time.monotonic()
                    if now - begun > FETCH_SECONDS:
                        raise NotAvailable(f"{size >> 20} MB after {FETCH_SECONDS} s is too slow")
                    if now - reported > HEARTBEAT_SECONDS:
                        reported = now
                        say(f"  {size >> 20} MB, {now - begun:.0f} s")
    except requests.RequestException as error:
        raise NotAvailable(f"{url}: {type(error).__name__}") from error
    return digest.hexdigest()


def _extract(archive: Path, components: Sequence[str], into: Path) -> None:
    into.mkdir()
    wanted = {f"kubernetes/server/bin/{name}": into / name for name in components}
    with tarfile.open(archive) as tar:
        for member in tar:
            target = wanted.pop(member.name, None)
            content = tar.extractfile(member) if target else None
            if target and content:
                with content, target.open("wb") as out:
                    shutil.copyfileobj(content, out)
                target.chmod(0o755)
    if wanted:
        raise LabError(
            f"{archive.name} does not contain {', '.join(sorted(f.name for f in wanted.values()))}"
        )

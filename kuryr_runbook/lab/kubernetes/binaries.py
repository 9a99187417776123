"""The programs of the lab's cluster, from wherever this machine can get them.

Kubernetes itself comes from `KUBEBUILDER_ASSETS` (the ecosystem's variable for existing binaries),
or from the official release, or else it is built from Debian's source package. Everything below it
(etcd, containerd, runc, the CNI loopback plugin) and kubectl come from Debian's packages, unpacked
into the cache.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kuryr_runbook.lab import debian
from kuryr_runbook.lab.kubernetes import official, source_build
from kuryr_runbook.lab.programs import Progress
from kuryr_runbook.lab.settings import KUBERNETES_VERSION, LabSettings
from kuryr_runbook.model.errors import LabError

ASSETS = "KUBEBUILDER_ASSETS"
"""Environment variable: directory with Kubernetes' binaries."""

COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")
PACKAGES = (
    "busybox-static",
    "containerd",
    "containernetworking-plugins",
    "etcd-server",
    "kubernetes-client",
    "runc",
)
LOCK_SECONDS = 1800.0
LOCK_PAUSE_SECONDS = 10.0
SERIES = KUBERNETES_VERSION.rpartition(".")[0]
"""Kuryr Stein needs `selfLink`, and 1.20 is the last version to serve it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """Where the programs are."""

    kubernetes: Path
    """Directory of Kubernetes' own programs."""
    debian: Path
    """Root of the unpacked Debian packages."""

    def component(self, name: str) -> Path:
        """One of Kubernetes' own programs: kube-apiserver, kubelet, ..."""
        return self.kubernetes / name

    @property
    def etcd(self) -> Path:
        """The server."""
        return self.debian / "usr/bin/etcd"

    @property
    def containerd(self) -> Path:
        """The daemon; its shim is beside it, where it looks first."""
        return self.debian / "usr/bin/containerd"

    @property
    def ctr(self) -> Path:
        """containerd's own client."""
        return self.debian / "usr/bin/ctr"

    @property
    def runc(self) -> Path:
        """The OCI runtime."""
        return self.debian / "usr/sbin/runc"

    @property
    def loopback(self) -> Path:
        """The CNI plugin that containerd calls for every sandbox."""
        return self.debian / "usr/lib/cni/loopback"

    @property
    def busybox(self) -> Path:
        """Statically linked, for the pause image."""
        return self.debian / "bin/busybox"

    @property
    def kubectl(self) -> Path:
        """For people; the lab itself does not use it."""
        return self.debian / "usr/bin/kubectl"


def ensure(
    settings: LabSettings, say: Progress, environment: Mapping[str, str] = os.environ
) -> Binaries:
    """Find, fetch or build everything that the cluster needs.

    Takes seconds if it is cached, minutes if Kubernetes has to be built. Raises LabError when
    that fails, or when KUBEBUILDER_ASSETS contains anything but Kubernetes 1.20.
    """
    packages = settings.cache / f"kubernetes-{KUBERNETES_VERSION}-node"
    packages.mkdir(parents=True, exist_ok=True)
    with _alone(packages, say):
        debian.unpack(PACKAGES, packages, say)
        if environment.get(ASSETS):
            kubernetes = Path(environment[ASSETS])
            check_assets(kubernetes)
        else:
            kubernetes = _cached(settings.cache) or _obtain(settings.cache, say, environment)
            source_build.sweep(_home(settings.cache, "debian"))
    return Binaries(kubernetes=kubernetes, debian=packages)


def check_assets(directory: Path) -> None:
    """Check that the directory contains Kubernetes 1.20. Raises LabError with all problems."""
    problems = []
    for name in COMPONENTS:
        file = directory / name
        if not os.access(file, os.X_OK) or not file.is_file():
            problems.append(f"{name}: not there, or not executable")
        elif not (version := _version(file)).startswith(f"Kubernetes v{SERIES}."):
            problems.append(f"{name}: expected Kubernetes v{SERIES}.x, saw {version!r}")
    if problems:
        raise LabError(
            "\n  ".join([f"{ASSETS}={directory} cannot be used:", *problems]),
            remedy=f"unset {ASSETS}: the lab then fetches or builds Kubernetes by itself",
        )


@contextmanager
def _alone(directory: Path, say: Progress) -> Iterator[None]:
    """Lock the directory: two builds in the same cache would break each other."""
    deadline = time.monotonic() + LOCK_SECONDS
    with (directory / ".lock").open("w") as file:
        while not _locked(file):
            if time.monotonic() > deadline:
                raise LabError(
                    f"another process has held {file.name} for {LOCK_SECONDS:.0f} s",
                    remedy=f"find out which one (`fuser -v {file.name}`), and wait or end it",
                )
            say("Another process is fetching or building Kubernetes in this cache; waiting for it")
            time.sleep(LOCK_PAUSE_SECONDS)
        yield


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _cached(cache: Path) -> Path | None:
    homes = (_home(cache, how) for how in ("official", "debian"))
    return next((home for home in homes if home.is_dir()), None)


def _obtain(cache: Path, say: Progress, environment: Mapping[str, str]) -> Path:
    try:
        return official.fetch(COMPONENTS, _home(cache, "official"), say, environment)
    except official.NotAvailable as reason:
        say(f"Kubernetes' official release is not available ({reason}); building from source")
    return source_build.build(COMPONENTS, _home(cache, "debian"), say, environment)


def _home(cache: Path, how: str) -> Path:
    """A directory that only exists if it is complete."""
    return cache / f"kubernetes-{KUBERNETES_VERSION}-{how}"


def _version(binary: Path) -> str:
    try:
        answer = subprocess.run(
            (str(binary), "--version"), capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (answer.stdout or answer.stderr).strip()

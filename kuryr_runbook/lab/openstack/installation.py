"""The virtual environment of Keystone, Neutron and Octavia, made once for each OpenStack release.

pip installs nothing whose hash is not in the lists, neither the services nor their build tools.

A virtual environment cannot be moved, so it is built in its final place: a file inside marks it as
complete, and one without that file is rebuilt.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

from kuryr_runbook.lab.openstack.commands import lines, run
from kuryr_runbook.lab.programs import Lab, Progress
from kuryr_runbook.lab.settings import OPENSTACK_RELEASES, LabSettings

PAYLOAD = Path(__file__).parent.parent / "payload" / "openstack"
COMPLETE = ".complete"
PREFIX = "openstack-"
SAY_EVERY = 40
"""Number of packages per line of progress."""


def venv_of(settings: LabSettings) -> Path:
    """Path of the environment for this kuryr-runbook, this Python and the lab's release."""
    return _venv(settings.cache, settings.openstack)


def requirements(release: str) -> tuple[Path, Path]:
    """The lists of pinned packages: the build tools, and the release's services."""
    directory = PAYLOAD / "requirements"
    return directory / "build.txt", directory / f"{release}.txt"


def install(lab: Lab) -> Path:
    """Make the virtual environment unless it exists, and return its path.

    Raises LabError with pip's last output when a package cannot be installed.
    """
    venv = venv_of(lab.settings)
    if (venv / COMPLETE).exists():
        return venv
    shutil.rmtree(venv, ignore_errors=True)
    lab.settings.logs.mkdir(parents=True, exist_ok=True)
    log = lab.settings.logs / "openstack-install.log"
    log.unlink(missing_ok=True)
    build, services = requirements(lab.settings.openstack)
    packages = sum("==" in line for line in services.read_text().splitlines())
    lab.say(
        f"openstack: installing {packages} packages for {lab.settings.openstack}, a minute or so"
    )
    run([sys.executable, "-m", "venv", str(venv)], log)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--no-input", "install", "--no-deps"]
    pip += ["--no-build-isolation", "--progress-bar", "off"]
    run([*pip, "--require-hashes", "-r", str(build)], log)
    _follow([*pip, "--require-hashes", "-r", str(services)], log, packages, lab.say)
    with tempfile.TemporaryDirectory() as scratch:
        # A copy, since the build writes beside the sources.
        source = shutil.copytree(PAYLOAD, Path(scratch) / "payload")
        run([*pip, str(source)], log)
    (venv / COMPLETE).touch()
    return venv


def remove_others(settings: LabSettings) -> None:
    """Remove environments of earlier requirements, which this lab does not use any more."""
    known = {_venv(settings.cache, release) for release in OPENSTACK_RELEASES}
    for other in settings.cache.glob(f"{PREFIX}*"):
        if other not in known:
            shutil.rmtree(other, ignore_errors=True)


def _follow(command: list[str], log: Path, packages: int, say: Progress) -> None:
    seen = 0
    for line in lines(command, log):
        if line.startswith("Collecting "):
            seen += 1
            if seen % SAY_EVERY == 0:
                say(f"openstack: {seen} of {packages} packages fetched")
        elif line.startswith("Installing collected"):
            say("openstack: unpacking and compiling")


def _venv(cache: Path, release: str) -> Path:
    digest = hashlib.sha256(f"{sys.base_exec_prefix} {sys.implementation.cache_tag}".encode())
    code = sorted(p for p in PAYLOAD.rglob("*") if p.suffix in {".py", ".toml"})
    for path in (*code, *requirements(release)):
        digest.update(path.relative_to(PAYLOAD).as_posix().encode())
        digest.update(path.read_bytes())
    return cache / f"{PREFIX}{release}-{digest.hexdigest()[:12]}"

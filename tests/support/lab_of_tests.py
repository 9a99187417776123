"""The lab that the tests use, and whether it is theirs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.repository import REPOSITORY
from worlds.host import World
from worlds.lab import changes, world

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.lab.settings import LabSettings

SITE_FILE = REPOSITORY / "parameters" / "lab.yaml"
RUN_SECONDS = 45 * 60
"""An image is built from the packages' sources on the way."""
KEEP = "KURYR_RUNBOOK_KEEP_LAB"
"""Environment variable: leave the lab up that the tests brought up."""


@dataclass(frozen=True, slots=True)
class LabOfTests:
    """A running lab."""

    settings: LabSettings
    before: World | None
    """The machine before the tests brought the lab up; None when it was up."""

    @property
    def may_go(self) -> bool:
        """Whether it is the tests' own, and not to be kept."""
        return self.before is not None and not os.environ.get(KEEP)


@dataclass(frozen=True, slots=True)
class BareLab:
    """The bare lab, and how it was."""

    cloud: OpenStackClient
    cluster: KubernetesClient
    before: dict[str, dict[str, str]]
    aloud: Callable[[], AbstractContextManager[None]]
    folder: Path

    def site(self, network: Mapping[str, Any] | None = None, **kuryr: Any) -> Path:
        """A site file of the lab with some of Kuryr's keys, and of the network's, changed."""
        site = yaml.safe_load(SITE_FILE.read_text())
        site["kuryr"] |= kuryr
        site["network"] |= network or {}
        path = self.folder / "site.yaml"
        path.write_text(yaml.safe_dump(site))
        return path

    def run(self, site: Path, directory: str, *options: str) -> dict[str, Any]:
        """`kuryr-runbook run`; gives its account."""
        self.call("run", site, directory, *options)
        account: dict[str, Any] = json.loads((self.folder / directory / "run.json").read_text())
        return account

    def call(self, command: str, site: Path, directory: str, *options: str) -> None:
        with self.aloud():
            subprocess.run(
                [
                    *(sys.executable, "-c", "from kuryr_runbook.cli import main; main()"),
                    *(command, "--site", str(site)),
                    *("--run-dir", str(self.folder / directory), "--yes", *options),
                ],
                check=True,
                timeout=RUN_SECONDS,
                cwd=REPOSITORY,
            )

    def diagnose(self, site: Path) -> None:
        """`kuryr-runbook diagnose`, which has to find nothing."""
        with self.aloud():
            subprocess.run(
                [
                    *(sys.executable, "-c", "from kuryr_runbook.cli import main; main()"),
                    *("diagnose", "--site", str(site)),
                ],
                check=True,
                timeout=RUN_SECONDS,
                cwd=REPOSITORY,
            )

    def changed(self) -> list[str]:
        return changes(self.before, world(self.cloud, self.cluster))


def runbook(command: str, directory: Path) -> None:
    """`kuryr-runbook run` or `teardown` on the lab, as a machine calls it."""
    ended = subprocess.run(
        [
            *(sys.executable, "-c", "from kuryr_runbook.cli import main; main()"),
            *(command, "--site", SITE_FILE, "--run-dir", directory, "--yes"),
        ],
        check=False,
        timeout=900,
        cwd=REPOSITORY,
    )
    if ended.returncode:
        account = directory / "run.json"
        phases = json.loads(account.read_text())["phases"] if account.exists() else []
        errors = [phase["error"] for phase in phases if phase["error"]]
        pytest.fail(f"{command} ended with {ended.returncode}: {errors}", pytrace=False)

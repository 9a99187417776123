"""Another release on the lab: stein to train and back, under pods that never stop asking."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.repository import REPOSITORY

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.model import support
from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.upgrades import Installed
from kuryr_runbook.phases.controller import Controller
from kuryr_runbook.phases.daemon import Daemon
from kuryr_runbook.phases.earlier.image import registry_of
from kuryr_runbook.phases.verification import Verification
from kuryr_runbook.snapshots.cluster.installed import read_installed
from kuryr_runbook.snapshots.cluster.vif import PodVif
from kuryr_runbook.snapshots.workload.workload import read_workload
from kuryr_runbook.specs.upgrade_check import UPGRADE_CHECK

pytestmark = [
    pytest.mark.lab,
    pytest.mark.exhaustive,
    pytest.mark.skipif(RELEASES["train"].image is None, reason="there is no image of train"),
]

NAMESPACE = "upgrade-test"
RUN_SECONDS = 1800.0
WATCH_SECONDS = 2 * RUN_SECONDS

# What it could not reach it prints; it ends when the file is there.
ASK = """
while [ ! -e /tmp/enough ]; do
    {ask} >/dev/null 2>&1 || echo lost
    echo asked
    sleep 0.2
done
"""


def site_file(kuryr: Site, release: str, folder: Path) -> Path:
    """The lab's site with that release."""
    sections: dict[str, Any] = kuryr.model_dump(mode="json", exclude_none=True)
    sections["kuryr"]["release"] = release
    path = folder / f"{release}.yaml"
    path.write_text(yaml.safe_dump(sections))
    return path


def run(site: Path, directory: Path) -> str:
    """A whole run, its verification included; gives what it said."""
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from kuryr_runbook.cli import main; main()"),
            *("run", "--site", site, "--run-dir", directory, "--yes"),
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        cwd=REPOSITORY,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def installed(kuryr: Site, cluster: KubernetesClient) -> Installed:
    return read_installed(kuryr, cluster, registry_of(kuryr))


@pytest.fixture
def workload(kuryr: Site) -> Iterator[Verification]:
    """Pods behind a Service, of Stein's making; gone again afterwards, with all that Kuryr made."""
    sections: dict[str, Any] = kuryr.model_dump(mode="json", exclude_none=True)
    sections["verification"] = {**sections["verification"], "namespace": NAMESPACE}
    phase = Verification(Site.model_validate(sections))
    phase.carry_out(phase.make_plan())
    phase.check()
    yield phase
    phase.remove()


@pytest.fixture
def restored(kuryr: Site, tmp_path: Path) -> Iterator[None]:
    """Afterwards the lab has the release of its own site file again."""
    yield
    run(site_file(kuryr, kuryr.release.name, tmp_path), tmp_path / "restored")


class Watch:
    """Asks one thing from one pod again and again, until it is enough."""

    def __init__(self, cluster: KubernetesClient, pod: str, ask: str) -> None:
        self.cluster, self.pod, self.ask = cluster, pod, ask
        self.output = ""
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()

    def _watch(self) -> None:
        command = ["sh", "-c", ASK.format(ask=self.ask)]
        done = self.cluster.execute(NAMESPACE, self.pod, command, seconds=WATCH_SECONDS)
        self.output = done.output

    def end(self) -> tuple[int, int]:
        """How often it asked, and how often in vain."""
        self.cluster.execute(NAMESPACE, self.pod, ["touch", "/tmp/enough"])  # noqa: S108
        self.thread.join(timeout=60)
        self.cluster.execute(NAMESPACE, self.pod, ["rm", "/tmp/enough"])  # noqa: S108
        words = self.output.split()
        return words.count("asked"), words.count("lost")


def test_stein_becomes_train_and_stein_again_under_pods_that_keep_their_network(
    kuryr: Site,
    workload: Verification,
    restored: None,
    cloud: OpenStackClient,
    cluster: KubernetesClient,
    tmp_path: Path,
) -> None:
    before = read_workload(workload.site, cluster)
    first, second, *_ = before.pods
    assert isinstance(second.vif, PodVif)
    [address] = second.vif.addresses
    for release in ("train", "stein"):
        # A watch for each way: the API may drop a stream that lasts for both.
        watches = {
            "ping": Watch(cluster, first.name, f"ping -c 1 -W 2 {address}"),
            "service": Watch(cluster, second.name, f"curl -sf -m 5 http://{before.cluster_ip}/"),
        }
        try:
            told = run(site_file(kuryr, release, tmp_path), tmp_path / release)
        finally:
            counts = {what: watch.end() for what, watch in watches.items()}
        assert "Upgrade Check Results" in told
        for what, (asked, lost) in counts.items():
            assert asked > 50, f"{what} during the way to {release}"
            assert lost == 0, f"{what} during the way to {release}: {lost} of {asked} lost"
        assert installed(kuryr, cluster) == Installed(controller=release, daemon=release)
        left = cluster.list_objects(
            "v1",
            "Pod",
            namespace=kuryr.kubernetes.namespace,
            labels=f"name={UPGRADE_CHECK}",
        )
        assert left == []
        after = read_workload(workload.site, cluster)
        assert {pod.name for pod in after.pods} == {pod.name for pod in before.pods}
        workload.check()
        for kind in (Controller, Daemon):
            again = kind(
                Site.model_validate(yaml.safe_load(site_file(kuryr, release, tmp_path).read_text()))
            )
            assert again.make_plan().changes == ()


def test_what_train_left_of_steins_pods_goes_with_them(
    kuryr: Site,
    restored: None,
    cloud: OpenStackClient,
    cluster: KubernetesClient,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    ports = {port["id"] for port in cloud.list_resources("port")}
    phase: Verification = request.getfixturevalue("workload")
    run(site_file(kuryr, "train", tmp_path), tmp_path / "train")
    phase.remove()
    assert {port["id"] for port in cloud.list_resources("port")} <= ports


def test_a_step_too_far_is_refused_before_anything_is_changed(
    kuryr: Site, cluster: KubernetesClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(support, "site_objections", lambda *_: iter(()))
    sections: dict[str, Any] = kuryr.model_dump(mode="json", exclude_none=True)
    sections["kuryr"]["release"] = "victoria"
    with pytest.raises(DriftError, match="3 steps") as caught:
        Controller(Site.model_validate(sections), dry_run=True).make_plan()
    assert "set kuryr.release to train" in str(caught.value.remedy)
    assert installed(kuryr, cluster).controller == kuryr.release.name

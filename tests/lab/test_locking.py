"""The lock of a site with a real API server: two runs at once, killed ones, and what they leave.

The runs are of small notebooks, for sites of other names than the lab's: nothing but the Lease is
made in the cluster. A process with a state directory of its own stands for another machine: it
does not see the lock files of the others.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from runs.small import FIRST, SECOND, SLEEPING, kernel_of, start, write_notebook
from support.awaiting import await_end
from support.repository import REPOSITORY
from worlds.memory_leases import holder

from kuryr_runbook.clients.kubernetes import leases
from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.kubernetes.leases import LeaseClient
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.model.errors import AccessError, ApplyError, LockedError
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.lock.lease import LeaseKeeper
from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.running.account import read_run

pytestmark = pytest.mark.lab

SITE_FILE = REPOSITORY / "parameters" / "lab.yaml"
ME, OTHER = holder("me"), holder("other")
SECONDS = 90.0
WAITING = "for a sign of life"
TAKING = "taking over the lock of a dead run"


@pytest.fixture
def site_file(settings: LabSettings, tmp_path: Path) -> Path:
    """A site of the lab's cluster that is this test's own."""
    site = yaml.safe_load(SITE_FILE.read_text())
    site["name"] = f"locking-{secrets.token_hex(4)}"
    path = tmp_path / "site.yaml"
    path.write_text(yaml.safe_dump(site))
    return path


@pytest.fixture
def site(site_file: Path, cluster: KubernetesClient) -> Iterator[Site]:
    found = read_site(site_file)
    yield found
    client = LeaseClient(found)
    if left := client.read():
        client.delete(left)
    assert left is None, f"a Lease was left: {left}"


@pytest.fixture
def client(site: Site) -> LeaseClient:
    return LeaseClient(site)


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def run(site: Site, site_file: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts a run on a machine of that name; its cell sleeps, unless another is given."""
    started: list[subprocess.Popen[str]] = []

    def run(name: str, machine: str, *, cell: str = SLEEPING) -> subprocess.Popen[str]:
        notebooks = tmp_path / f"notebooks-{name}"
        notebooks.mkdir()
        write_notebook(notebooks / FIRST.notebook, cell)
        write_notebook(notebooks / SECOND.notebook, "print('second')")
        state = str(tmp_path / machine)
        process = start(
            site_file, notebooks, tmp_path / name, leases="cluster", XDG_STATE_HOME=state
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate(timeout=60)


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and all that it said."""
    _, said = process.communicate(timeout=SECONDS)
    return process.returncode, said


# The API server's own word on one Lease that several want.


def test_a_lease_is_made_once(client: LeaseClient) -> None:
    assert client.read() is None
    made = client.create(ME)
    assert made is not None
    assert made == client.read()
    assert made.holder == ME
    assert client.create(OTHER) is None
    assert client.read() == made
    client.delete(made)
    assert client.read() is None


def test_a_lease_is_changed_by_who_read_it_last(client: LeaseClient) -> None:
    made = client.create(ME)
    assert made is not None
    renewed = client.replace(made, ME)
    assert renewed is not None
    assert renewed.version != made.version
    assert client.replace(made, OTHER) is None
    client.delete(made)
    assert client.read() == renewed
    client.delete(renewed)


def test_a_lease_that_is_gone_is_not_made_by_its_renewal(client: LeaseClient) -> None:
    made = client.create(ME)
    assert made is not None
    client.delete(made)
    assert client.replace(made, ME) is None
    client.delete(made)
    assert client.read() is None


def test_a_lease_made_anew_is_another_one(client: LeaseClient) -> None:
    first = client.create(ME)
    assert first is not None
    client.delete(first)
    second = client.create(OTHER)
    assert second is not None
    assert client.replace(first, ME) is None
    client.delete(first)
    assert client.read() == second
    client.delete(second)


@pytest.mark.parametrize("dead", [False, True], ids=["no lease", "a dead lease"])
def test_of_several_takers_at_once_one_wins(
    site: Site, client: LeaseClient, dead: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if dead:
        monkeypatch.setattr(leases, "LEASE_SECONDS", 3)
        assert client.create(OTHER)
        monkeypatch.undo()
    told: list[str] = []
    takers = [
        LeaseKeeper(LeaseClient(site), holder(f"taker{number}"), told.append) for number in range(4)
    ]
    together = threading.Barrier(len(takers))

    def take(keeper: LeaseKeeper) -> str:
        together.wait()
        try:
            keeper.take()
        except LockedError as error:
            return error.message
        return "won"

    with ThreadPoolExecutor(len(takers)) as pool:
        ends = list(pool.map(take, takers))
    winner = client.read()
    for keeper in takers:
        keeper.release()
    assert ends.count("won") == 1
    assert winner is not None
    assert all(str(winner.holder) in message for message in ends if message != "won")


# Runs.


def test_a_second_run_on_the_machine_is_refused_at_once(
    run: Start, tmp_path: Path, client: LeaseClient
) -> None:
    first = run("first", "machine")
    kernel_of(first)
    code, said = end(run("second", "machine"))
    assert (code, WAITING in said) == (1, False)
    assert f"pid {first.pid}, since" in said
    assert f"in {tmp_path / 'first'}" in said
    assert not (tmp_path / "second").exists()
    assert first.poll() is None
    held = client.read()
    assert held is not None
    assert held.holder is not None
    assert held.holder.pid == first.pid
    first.terminate()
    assert end(first)[0] == 130


def test_a_second_run_elsewhere_is_refused_and_the_first_goes_on(
    run: Start, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    waiting = (
        "import os, time, pathlib\nprint('kernel', os.getpid())\n"
        f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.1)"
    )
    first = run("first", "machine", cell=waiting)
    kernel_of(first)
    code, said = end(run("second", "elsewhere"))
    assert code == 1
    assert f"pid {first.pid}, since" in said.partition("another run is changing this site: ")[2]
    assert not (tmp_path / "second").exists()
    go.touch()
    code, said = end(first)
    assert code == 0, said
    assert read_run(tmp_path / "first")["status"] == "SUCCEEDED"


@pytest.mark.parametrize("machine", ["machine", "elsewhere"])
def test_the_lock_of_a_killed_run_is_taken_over(
    run: Start, tmp_path: Path, machine: str, client: LeaseClient
) -> None:
    first = run("first", "machine")
    kernel = kernel_of(first)
    first.kill()
    first.wait()
    assert client.read() is not None
    code, said = end(run("second", machine, cell="1"))
    assert code == 0, said
    assert (WAITING in said) == (machine == "elsewhere")
    assert TAKING in said
    assert f"pid {first.pid}, " in said
    assert read_run(tmp_path / "first")["status"] == "LOST"
    assert client.read() is None
    await_end(kernel)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_lease(
    run: Start, client: LeaseClient, number: signal.Signals
) -> None:
    process = run("first", "machine")
    kernel_of(process)
    assert client.read() is not None
    process.send_signal(number)
    assert end(process)[0] == 130
    assert client.read() is None


@pytest.mark.parametrize(("cell", "expected"), [("1", 0), ("1 / 0", 1)], ids=["done", "failed"])
def test_a_run_that_ends_leaves_no_lease(
    run: Start, client: LeaseClient, cell: str, expected: int
) -> None:
    code, said = end(run("first", "machine", cell=cell))
    assert code == expected, said
    assert client.read() is None


def test_a_run_whose_lease_is_taken_away_stops_and_leaves_it(
    run: Start, tmp_path: Path, client: LeaseClient
) -> None:
    process = run("first", "machine")
    kernel = kernel_of(process)
    taken = None
    while taken is None:  # The run renews it in between.
        found = client.read()
        assert found is not None
        taken = client.replace(found, OTHER)
    code, said = end(process)
    assert code == 1
    assert f"{OTHER} took it over" in said
    account = read_run(tmp_path / "first")
    assert (account["status"], account["phases"][0]["status"]) == ("FAILED", "FAILED")
    await_end(kernel)
    assert client.read() == taken
    client.delete(taken)


def test_a_notebook_without_a_runner_is_refused_too(
    run: Start, site_file: Path, tmp_path: Path
) -> None:
    first = run("first", "machine")
    kernel_of(first)
    papermill = subprocess.run(
        [
            *(sys.executable, "-m", "papermill", "--no-progress-bar"),
            *(REPOSITORY / "notebooks" / "01_image_build.ipynb", tmp_path / "out.ipynb"),
            *("-k", "python3", "-f", site_file),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "elsewhere")},
    )
    assert papermill.returncode != 0
    assert "LockedError: another run is changing this site" in papermill.stderr
    first.terminate()
    assert end(first)[0] == 130


def test_a_whole_run_of_the_runbook_leaves_no_lease(
    kuryr_run: Path, cluster: KubernetesClient
) -> None:
    assert (kuryr_run / "run.json").exists()
    ours = "app.kubernetes.io/managed-by=kuryr-runbook"
    assert cluster.list_objects("coordination.k8s.io/v1", "Lease", labels=ours) == []


# What the cluster may refuse.


@pytest.fixture
def powerless(
    site: Site, settings: LabSettings, cluster: KubernetesClient, tmp_path: Path
) -> Iterator[Site]:
    """The site with a kubeconfig whose user may do nothing."""
    account: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": site.name, "namespace": "default"},
    }
    secret: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {
            "name": f"{site.name}-token",
            "namespace": "default",
            "annotations": {"kubernetes.io/service-account.name": site.name},
        },
    }
    cluster.apply(account)
    cluster.apply(secret)
    try:
        found = cluster.watch(
            "v1", "Secret", namespace="default", seconds=60, until=lambda s: bool(_token(s, secret))
        )
        token = base64.b64decode(_token(found, secret)).decode()
        config = yaml.safe_load(settings.kubeconfig.read_text())
        config["users"][0]["user"] = {"token": token}
        path = tmp_path / "powerless"
        path.touch(mode=0o600)
        path.write_text(json.dumps(config))
        section = site.kubernetes.model_copy(update={"kubeconfig": path})
        yield site.model_copy(update={"kubernetes": section})
    finally:
        cluster.delete(secret)
        cluster.delete(account)


def _token(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    secret = found.get(wanted["metadata"]["name"], {})
    return str(secret.get("data", {}).get("token", ""))


def test_a_user_who_may_not_use_leases_sees_what_is_missing(powerless: Site) -> None:
    with pytest.raises(AccessError, match=r"get Lease kube-system/.*is not allowed to") as caught:
        LeaseClient(powerless).read()
    assert "leases.coordination.k8s.io in namespace kube-system" in str(caught.value.remedy)


def test_a_missing_namespace_is_reported(site: Site) -> None:
    section = site.kubernetes.model_copy(update={"namespace": "no-such"})
    client = LeaseClient(site.model_copy(update={"kubernetes": section}))
    assert client.read() is None
    with pytest.raises(ApplyError, match="no namespace no-such") as caught:
        client.create(ME)
    assert "kubectl create namespace no-such" in str(caught.value.remedy)

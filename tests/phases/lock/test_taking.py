"""The lock of a site on one machine: between processes, within one, and for its kernels."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from worlds.memory_leases import TESTS, HeldLeases, MemoryLeases
from worlds.sites import LAB, lab_site

from kuryr_runbook.clients.kubernetes.leases import Leases
from kuryr_runbook.clients.lock_files import LockFile
from kuryr_runbook.model.errors import (
    AccessError,
    LockedError,
    LockLostError,
    RunbookError,
    UnreachableError,
    UsageError,
)
from kuryr_runbook.model.locking import Holder
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.lock import lease, taking
from kuryr_runbook.phases.lock.taking import VARIABLE, SiteLock, Work, locked

SITE = lab_site()
UNREACHABLE = UnreachableError("get Lease: the API server does not answer: refused")

HOLDING = f"""
import os, subprocess, sys, time
from pathlib import Path
sys.path.insert(0, {str(TESTS)!r})
from worlds.memory_leases import MemoryLeases
from kuryr_runbook.phases.site.reading import read_site
from kuryr_runbook.phases.lock.taking import Work, locked

work = Work(command="kuryr-runbook teardown", directory=Path("/runs/lab/7"))
with locked(read_site(Path({str(LAB)!r})), MemoryLeases, work, print) as lock:
    lock.take_lease(needs_cluster=True)
    kernel = None
    if sys.argv[1] == "with-kernel":
        sleeping = [sys.executable, "-c", "import time; time.sleep(600)"]
        kernel = subprocess.Popen(sleeping, pass_fds=lock.descriptors).pid
    print("held", kernel, flush=True)
    time.sleep(600)
"""


def lock_of(site: Site = SITE) -> LockFile:
    return LockFile(Path(os.environ["XDG_STATE_HOME"]) / f"kuryr-runbook/locks/{site.name}.lock")


@contextmanager
def lock(
    leases: Leases | None = None, *, say: list[str] | None = None, needs_cluster: bool = True
) -> Iterator[SiteLock]:
    found = leases or MemoryLeases()
    work = Work(command="kuryr-runbook run", directory=Path("/runs/lab/8"))
    with locked(SITE, lambda: found, work, (say if say is not None else []).append) as taken:
        taken.take_lease(needs_cluster=needs_cluster)
        yield taken


@contextmanager
def holding(kind: str = "alone") -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another process that holds the lock; and the one that works for it, which may be killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDING, kind], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said, kernel = process.stdout.readline().split()
    assert said == "held"
    try:
        yield process, 0 if kernel == "None" else int(kernel)
    finally:
        process.kill()
        process.communicate()
        if kernel != "None":
            with suppress(ProcessLookupError):
                os.kill(int(kernel), signal.SIGKILL)


def test_the_second_is_refused_at_once_and_sees_who_the_first_is() -> None:
    leases = MemoryLeases()
    leases.error = AssertionError("the lock on this machine comes first")
    with holding() as (process, _):
        with pytest.raises(LockedError) as caught, lock(leases):
            pass
        assert process.poll() is None
    for part in (f"pid {process.pid}", "`kuryr-runbook teardown`", "/runs/lab/7", "since 20"):
        assert part in caught.value.message
    assert caught.value.exit_code == 1
    assert "--dry-run" in str(caught.value.remedy)


def test_the_lock_of_a_killed_process_is_taken_at_once() -> None:
    with holding() as (process, _):
        died = Holder.from_text(lock_of().read())
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert died is not None
        leases = MemoryLeases(seconds=3600)
        told: list[str] = []
        leases.create(died)
        with lock(leases, say=told):
            assert leases.record is not None
            assert leases.record.holder != died
    assert [str(died) in line for line in told] == [True]


def test_a_killed_process_is_not_dead_before_its_kernel_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(taking, "ORPHAN_SECONDS", 0.3)
    with holding("with-kernel") as (process, kernel):
        process.send_signal(signal.SIGKILL)
        process.wait()
        refusal = pytest.raises(
            LockedError, match=f"pid {process.pid}.*its kernel is still running"
        )
        with refusal, lock():
            pass
        monkeypatch.setattr(taking, "ORPHAN_SECONDS", 60.0)
        told: list[str] = []

        class Watching(list[str]):
            def append(self, text: str) -> None:
                told.append(text)
                os.kill(kernel, signal.SIGKILL)

        with lock(say=Watching()):
            assert "waiting for the kernel of a killed run" in told[0]


def test_an_interrupted_holder_lets_go_of_both_parts() -> None:
    leases = MemoryLeases()
    with pytest.raises(KeyboardInterrupt), lock(leases):
        raise KeyboardInterrupt
    assert leases.record is None
    with lock():
        assert Holder.from_text(lock_of().read()) is not None
    assert lock_of().read() == ""


def test_within_a_lock_there_is_nothing_to_take() -> None:
    unused = MemoryLeases()
    with lock() as outer:
        token = os.environ[VARIABLE]
        with lock(unused) as inner:
            assert inner.descriptors == ()
            assert inner.lost is None
        assert os.environ[VARIABLE] == token
        assert outer.descriptors
        holds = Holder.from_text(lock_of().read())
        assert holds is not None
        assert holds.token == token
    assert unused.writes == 0
    assert VARIABLE not in os.environ


def test_a_process_that_works_for_the_holder_passes_and_another_does_not() -> None:
    asking = HOLDING.replace("time.sleep(600)\n", "\n")
    with lock():
        inside = subprocess.run([sys.executable, "-c", asking, "alone"], check=False)
        without = {name: text for name, text in os.environ.items() if name != VARIABLE}
        outside = subprocess.run(
            [sys.executable, "-c", asking, "alone"], env=without, check=False, capture_output=True
        )
    assert inside.returncode == 0
    assert outside.returncode != 0
    assert b"another run is changing this site" in outside.stderr


def test_a_variable_that_outlived_its_lock_is_worth_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "left behind")
    with lock() as taken:
        assert taken.descriptors
    assert os.environ[VARIABLE] == "left behind"


def test_other_sites_are_not_kept_out() -> None:
    other = SITE.model_copy(update={"name": "other"})
    work = Work(command="kuryr-runbook run", directory=Path("/runs/other/1"))
    with holding(), locked(other, MemoryLeases, work, print) as taken:
        taken.take_lease(needs_cluster=True)


def test_one_that_has_just_started_is_reported_too() -> None:
    file = lock_of()
    assert file.acquire()
    with pytest.raises(LockedError, match="just started"), lock():
        pass
    file.close()


@pytest.mark.parametrize("error", [UNREACHABLE, UsageError("kubernetes.kubeconfig: no file x")])
def test_without_a_cluster_only_what_needs_none_goes_on(error: RunbookError) -> None:
    leases = MemoryLeases()
    leases.error = error
    with lock(leases, needs_cluster=False) as taken:
        with pytest.raises(type(error)) as caught:
            taken.take_lease(needs_cluster=True)
        assert caught.value is error
        leases.error = None
        taken.take_lease(needs_cluster=True)
        assert leases.record is not None
    assert leases.record is None


def test_a_cluster_that_refuses_is_no_missing_cluster() -> None:
    leases = MemoryLeases()
    leases.error = AccessError("create Lease: the kubeconfig's user is not allowed to")
    with pytest.raises(AccessError), lock(leases, needs_cluster=False):
        pass


def test_a_lease_held_elsewhere_frees_the_lock_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "LOOK_SECONDS", 0.0)
    with pytest.raises(LockedError, match="host-other"), lock(HeldLeases()):
        pass
    assert lock_of().acquire()


def test_what_is_done_under_a_lost_lock_ends_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.01)
    monkeypatch.setattr(lease, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(lease, "GIVE_UP_SECONDS", 0.1)
    leases = MemoryLeases()

    def work() -> None:
        leases.error = UNREACHABLE
        time.sleep(60)

    with pytest.raises(LockLostError, match="could not be renewed"), lock(leases):
        work()


def test_a_place_that_cannot_be_written_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(UsageError, match=r"lab\.lock cannot be used") as caught, lock():
        pass
    assert "XDG_STATE_HOME" in str(caught.value.remedy)

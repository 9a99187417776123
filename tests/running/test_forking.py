"""The process that kernels are forked from: what it answers, and that it leaves nobody behind."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from runs.small import children, kernels_below, kernels_of
from support.awaiting import await_end, await_true

from kuryr_runbook.running import kernel_server
from kuryr_runbook.running.forking import Forked, KernelServer, Process


@pytest.fixture
def secrets() -> Iterator[int]:
    descriptor = os.memfd_create("secrets")
    yield descriptor
    os.close(descriptor)


def asked(server: KernelServer, directory: Path, secrets: int) -> Forked:
    """A kernel in a directory of its own. Without a connection file it makes one, and works."""
    directory.mkdir()
    return server.fork(directory, secrets=secrets, lock=())


def await_directory(kernel: Process, directory: Path) -> None:
    """Wait until the kernel says in that directory what it says on its stderr."""
    log = Path(f"/proc/{kernel.pid}/fd/2")
    told = str(directory / kernel_server.STDERR)
    await_true(lambda: os.readlink(log) == told, f"kernel {kernel.pid} writes to {told}")


def test_kernels_end_with_it_whether_anybody_heard_of_them_or_not(
    tmp_path: Path, secrets: int
) -> None:
    with KernelServer() as server:
        heard = asked(server, tmp_path / "1", secrets).answered()
        assert heard is not None
        assert heard.is_alive()
        asked(server, tmp_path / "2", secrets)
        kernels = kernels_below(os.getpid(), count=2)
    assert heard.pid in kernels
    assert not any(Path(f"/proc/{pid}").exists() for pid in kernels)


def test_answers_belong_to_the_questions_in_whatever_order_they_are_read(
    tmp_path: Path, secrets: int
) -> None:
    with KernelServer() as server:
        first, second = (asked(server, tmp_path / name, secrets) for name in "12")
        later, earlier = second.answered(), first.answered()
        assert later is not None
        assert earlier is not None
        await_directory(earlier, tmp_path / "1")
        await_directory(later, tmp_path / "2")


def test_a_kernel_that_was_killed_has_ended_and_is_collected(tmp_path: Path, secrets: int) -> None:
    with KernelServer() as server:
        process = asked(server, tmp_path / "1", secrets).answered()
        assert process is not None
        process.send_signal(signal.SIGKILL)
        assert process.ends_within(60)
        process.send_signal(signal.SIGKILL)
        [own] = children(os.getpid())
        assert kernels_of(own, count=0) == []


def test_signals_of_a_terminal_do_not_reach_it() -> None:
    with KernelServer():
        [server] = children(os.getpid())
        assert os.getsid(server) == server


def test_one_that_was_killed_answers_no_more(tmp_path: Path, secrets: int) -> None:
    with KernelServer() as server:
        [own] = children(os.getpid())
        os.kill(own, signal.SIGKILL)
        await_end(own)
        forked = asked(server, tmp_path / "1", secrets)
        assert forked.answered() is None
        assert forked.error.startswith("what forks kernels has ended")


def test_a_machine_that_has_no_room_for_a_process_is_told_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", full)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        assert kernel_server.fork(theirs) is None
        assert ours.recv(kernel_server.MESSAGE_BYTES).endswith(b"Resource temporarily unavailable")

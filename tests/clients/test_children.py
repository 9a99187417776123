"""Programs side by side: what they print stays apart, and none is left behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from kuryr_runbook.clients.children import Child, end_all
from kuryr_runbook.model.errors import UsageError

PATIENCE = 60.0
POLITE = "import signal, sys\nsignal.signal(signal.SIGINT, lambda *_: sys.exit(130))\n"
STUBBORN = "import signal, sys\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
WAITING = "print('ready', flush=True)\nwhile True:\n    signal.pause()\n"


def child(place: Path, name: str, script: str) -> Child:
    return Child(
        [sys.executable, "-c", script], stdout=place / f"{name}.out", stderr=place / f"{name}.err"
    )


def wait_for(child: Child, word: str) -> None:
    end = time.monotonic() + PATIENCE
    while word not in child.stdout.read_text():
        assert time.monotonic() < end
        time.sleep(0.01)


def wait(child: Child) -> int:
    end = time.monotonic() + PATIENCE
    while child.status is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    return child.status


def test_what_they_print_never_mixes(tmp_path: Path) -> None:
    script = "import sys\nfor _ in range(2000):\n    print({0!r} * 9); sys.stderr.write({0!r})\n"
    both = {name: child(tmp_path, name, script.format(name)) for name in "ab"}
    assert [wait(it) for it in both.values()] == [0, 0]
    for name, it in both.items():
        assert it.stdout.read_text() == f"{name * 9}\n" * 2000
        assert it.stderr.read_text() == name * 2000


def test_nobody_waits_for_what_is_never_typed(tmp_path: Path) -> None:
    asking = child(tmp_path, "a", "input()")
    assert wait(asking) == 1
    assert "EOFError" in asking.stderr.read_text()


def test_the_end_by_a_signal_is_a_negative_status(tmp_path: Path) -> None:
    killed = child(tmp_path, "a", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    assert wait(killed) == -signal.SIGKILL


def test_time_stands_still_once_it_has_ended(tmp_path: Path) -> None:
    done = child(tmp_path, "a", "pass")
    wait(done)
    assert done.seconds == done.seconds


def test_all_are_asked_to_end_and_what_does_not_is_killed(tmp_path: Path) -> None:
    polite = child(tmp_path, "polite", POLITE + WAITING)
    stubborn = child(tmp_path, "stubborn", STUBBORN + WAITING)
    for it in (polite, stubborn):
        wait_for(it, "ready")
    end_all([polite, stubborn], 2.0)
    assert (polite.status, stubborn.status) == (130, -signal.SIGKILL)


def test_what_it_started_ends_with_it(tmp_path: Path) -> None:
    inner = (
        "import subprocess, sys\n"
        f"p = subprocess.Popen([sys.executable, '-c', {STUBBORN + WAITING!r}])"
    )
    outer = child(tmp_path, "a", f"{STUBBORN}{inner}\nprint('pid', p.pid, flush=True)\np.wait()")
    wait_for(outer, "pid")
    wait_for(outer, "ready")
    [line] = [it for it in outer.stdout.read_text().splitlines() if it.startswith("pid")]
    end_all([outer], 0.0)
    end = time.monotonic() + PATIENCE
    while Path(f"/proc/{line.split()[1]}/cmdline").exists():
        if not Path(f"/proc/{line.split()[1]}/cmdline").read_bytes():
            break  # A zombie that nobody has waited for yet.
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no-such-program"):
        Child(["no-such-program"], stdout=tmp_path / "o", stderr=tmp_path / "e")


def test_it_is_in_a_session_of_its_own(tmp_path: Path) -> None:
    done = child(tmp_path, "a", "import os\nprint(os.getsid(0))")
    wait(done)
    assert int(done.stdout.read_text()) != os.getsid(0)

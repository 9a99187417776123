"""The supervisor against real processes: they come up, come back, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from kuryr_runbook.lab import health, identities, launching, processes, supervisord
from kuryr_runbook.lab.processes import Supervisor
from kuryr_runbook.lab.programs import CommandHealth, HttpHealth, Program
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.model.errors import LabError

DEADLINE = 30.0


@pytest.fixture
def lab(tmp_path: Path) -> LabSettings:
    return LabSettings(state=tmp_path / "state", cache=tmp_path / "cache")


@pytest.fixture
def supervisor(lab: LabSettings) -> Iterator[Supervisor]:
    supervisor = Supervisor(lab)
    yield supervisor
    supervisor.shut_down()


def program(tmp_path: Path, script: str, **changes: object) -> Program:
    """A Python program that is well once it has made the file `ready`."""
    ready = tmp_path / "ready"
    defaults: dict[str, object] = {
        "name": "probe",
        "command": (sys.executable, "-c", script, str(ready)),
        "health": CommandHealth(command=("test", "-e", str(ready))),
        "deadline": DEADLINE,
        "stop_seconds": 5,
    }
    return Program(**{**defaults, **changes})  # type: ignore[arg-type]


READY = "import sys, time; open(sys.argv[1], 'w').close()\ntime.sleep(600)"
MUTE = "import time; time.sleep(600)"


def pid_of(supervisor: Supervisor) -> int:
    (state,) = supervisor.states()
    return state.pid


def test_a_program_runs_detached_and_its_state_is_reported(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    supervisor.start(program(tmp_path, READY, address="nowhere"))
    (state,) = supervisor.states()
    assert (state.well, state.program.address) == (True, "nowhere")
    assert psutil.Process(state.pid).cmdline()[0] == sys.executable
    assert os.getsid(state.pid) != os.getsid(0)
    assert state.memory > 2**20


def test_started_again_only_when_it_changed(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(program(tmp_path, READY))
    first = pid_of(supervisor)
    supervisor.start(program(tmp_path, READY))
    assert pid_of(supervisor) == first
    supervisor.start(program(tmp_path, READY, environment={"COLOUR": "blue % ;# 'x'"}))
    assert pid_of(supervisor) != first
    assert psutil.Process(pid_of(supervisor)).environ()["COLOUR"] == "blue % ;# 'x'"
    assert not psutil.pid_exists(first)


def test_the_callers_proxies_and_bundles_stay_outside(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = {"REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "HTTPS_PROXY", "PIP_INDEX_URL"}
    for name in strange:
        monkeypatch.setenv(name, "strange")
    supervisor.start(program(tmp_path, READY))
    assert not strange & set(psutil.Process(pid_of(supervisor)).environ())


def test_what_dies_comes_back(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(program(tmp_path, READY))
    first = pid_of(supervisor)
    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + DEADLINE
    while pid_of(supervisor) in (0, first):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_what_is_not_well_in_time_is_named_with_its_log(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    script = f"print('no luck with the database', flush=True)\n{MUTE}"
    with pytest.raises(
        LabError, match=r"(?s)probe.*not healthy after 2 s.*no luck with the database"
    ):
        supervisor.start(program(tmp_path, script, deadline=2.0))


def test_what_dies_at_once_is_not_waited_for_to_the_end(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    with pytest.raises(LabError, match=r"(?s)died \d times.*ZeroDivisionError"):
        supervisor.start(program(tmp_path, "1 / 0", deadline=600.0))


def test_what_was_never_well_is_started_again_when_its_time_is_over(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    mute = program(tmp_path, MUTE, deadline=1.0)
    with pytest.raises(LabError):
        supervisor.start(mute)
    first = pid_of(supervisor)
    with pytest.raises(LabError):
        supervisor.start(mute)
    assert pid_of(supervisor) != first


def test_stop_ends_the_group_and_forgets(
    supervisor: Supervisor, lab: LabSettings, tmp_path: Path
) -> None:
    child = "import subprocess, sys; subprocess.Popen(['sleep', '600'])\n"
    supervisor.start(program(tmp_path, child + READY))
    pids = processes.family(pid_of(supervisor))
    assert len(pids) == 2
    supervisor.stop("probe")
    supervisor.stop("probe")
    assert supervisor.states() == ()
    deadline = time.monotonic() + DEADLINE
    while any(identities.identity(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert list((lab.state / "supervisor" / "programs").iterdir()) == []


def test_a_killed_supervisord_leaves_no_double(
    supervisor: Supervisor, lab: LabSettings, tmp_path: Path
) -> None:
    supervisor.start(program(tmp_path, READY))
    first = pid_of(supervisor)
    daemon = int((lab.state / "supervisor" / "supervisord.pid").read_text())
    os.kill(daemon, signal.SIGKILL)
    deadline = time.monotonic() + DEADLINE
    while identities.identity(daemon):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert identities.identity(first) is not None
    (state,) = Supervisor(lab).states()
    assert (state.state, state.well) == ("STOPPED", False)
    Supervisor(lab).start(program(tmp_path, READY))
    assert identities.identity(first) is None
    assert pid_of(supervisor) not in (0, first)


def test_a_supervisord_without_its_socket_is_replaced(
    supervisor: Supervisor, lab: LabSettings, tmp_path: Path
) -> None:
    supervisor.start(program(tmp_path, READY))
    old = supervisor.pids()
    assert len(old) == 2
    (lab.state / "supervisor" / "supervisor.sock").unlink()
    (tmp_path / "ready").unlink()  # else the next is well while the script still writes its pid
    assert not supervisor.running
    supervisor.start(program(tmp_path, READY))
    assert not any(identities.identity(pid) for pid in old)
    assert len(supervisor.pids()) == 2


def test_shut_down_stops_all_and_remembers(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(program(tmp_path, READY))
    supervisor.start(program(tmp_path, READY, name="other"))
    pids = [state.pid for state in supervisor.states()]
    supervisor.shut_down()
    assert not supervisor.running
    assert not any(identities.identity(pid) for pid in pids)
    assert [(s.program.name, s.state) for s in supervisor.states()] == [
        ("other", "STOPPED"),
        ("probe", "STOPPED"),
    ]
    supervisor.start(program(tmp_path, READY))
    assert [s.well for s in supervisor.states()] == [False, True]


def test_a_name_that_could_leave_the_directory_is_refused(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    with pytest.raises(LabError, match="hyphens"):
        supervisor.start(program(tmp_path, READY, name="../x"))


def test_namespaces_are_entered_before_the_command() -> None:
    inside = Program(
        name="kubelet",
        command=("kubelet",),
        health=CommandHealth(command=("true",)),
        netns="kr-worker1",
        mount_ns=Path("/state/worker1/mnt"),
        uts_ns=Path("/state/worker1/uts"),
        directory=Path("/var/lib"),
    )
    assert launching.entering(inside) == (
        "nsenter",
        "--net=/run/netns/kr-worker1",
        "--mount=/state/worker1/mnt",
        "--wdns=/var/lib",
        "--uts=/state/worker1/uts",
        "--",
    )


def test_a_reused_pid_is_not_the_process_that_was_meant() -> None:
    own = identities.identity(os.getpid())
    assert own is not None
    assert own.alive
    for other in (
        identities.Identity(own.pid, own.started + 1, own.boot),
        identities.Identity(own.pid, own.started, "another boot"),
    ):
        assert not other.alive
        identities.end([other], patience=0)  # would end this very test


@pytest.mark.parametrize(
    ("status", "statuses", "well"),
    [("200", (200,), True), ("401", (200, 401), True), ("500", (200,), False), ("000", (), False)],
)
def test_http_health_is_judged_by_its_status(
    status: str, statuses: tuple[int, ...], well: bool
) -> None:
    asked = HttpHealth(url="https://192.0.2.2:5000", statuses=statuses)
    assert health.judge_http(asked, status, "").well is well


def test_http_health_says_what_curl_saw() -> None:
    asked = HttpHealth(url="https://192.0.2.2:5000")
    seen = health.judge_http(asked, "000", "curl: (7) Failed to connect\n").seen
    assert seen == "https://192.0.2.2:5000: curl: (7) Failed to connect"


def test_health_of_a_missing_command_is_an_answer(tmp_path: Path) -> None:
    asked = program(tmp_path, MUTE, health=CommandHealth(command=("no-such-command-here",)))
    answer = health.ask(asked)
    assert not answer.well
    assert "no-such-command-here" in answer.seen


def test_configuration_keeps_percent_signs(tmp_path: Path) -> None:
    strange = tmp_path / "100%"
    text = supervisord.render_configuration(supervisord.Daemon(strange, strange / "log"))
    assert f"directory = {tmp_path}/100%%\n" in text

"""Many commands side by side, by a program that does what its arguments say."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from kuryr_runbook.model.errors import FileError
from kuryr_runbook.model.fleet import Member, State
from kuryr_runbook.running.fleet import engine
from kuryr_runbook.running.fleet.answers import Printed, Result
from kuryr_runbook.running.fleet.engine import Job, Pace, carry_out

PROGRAM = """
import os, signal, sys, time
from pathlib import Path
what, status, log = sys.argv[1:4]
signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
def note(word):
    with open(log, "a") as file:
        file.write(f"{word} {os.getpid()}\\n")
print("printed", what); print("said", what, file=sys.stderr)
note("begin")
if what == "wait":
    while True:
        signal.pause()
time.sleep(0.05)
note("end")
sys.exit(int(status))
"""
PATIENCE = 60.0


@pytest.fixture(autouse=True)
def _program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "CALL", PROGRAM)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def read(printed: Printed) -> Result:
    return Result(summary=json.dumps([printed.status, printed.stdout, printed.stderr]))


def job(name: str, log: Path, status: int = 0, what: str = "work") -> Job:
    member = Member(file=Path(f"{name}.yaml"), name=name, release="stein")
    return Job(member=member, arguments=(what, str(status), str(log)), read=read)


def jobs(log: Path, statuses: Sequence[int]) -> list[Job]:
    return [job(f"site-{number}.example", log, it) for number, it in enumerate(statuses)]


def nothing(text: str) -> None:
    pass


def test_each_answer_is_of_its_own_site(log: Path) -> None:
    said: list[str] = []
    work = carry_out([[job("a", log, 3, "one"), job("b", log, 0, "two")]], Pace(at_once=2),
                     said.append)  # fmt: skip
    found = {it.site: (it.status, it.file.name, json.loads(it.summary)) for it in work.answers}
    assert found == {
        "a": (3, "a.yaml", [3, "printed one\n", "said one\n"]),
        "b": (0, "b.yaml", [0, "printed two\n", "said two\n"]),
    }
    assert {it.wave for it in work.answers} == {None}
    assert sorted(line.partition(",")[0] for line in said) == [
        "a: changes", "a: started", "b: done", "b: started"
    ]  # fmt: skip


@pytest.mark.parametrize("at_once", [1, 3])
def test_no_more_run_at_once_than_wanted(log: Path, at_once: int) -> None:
    carry_out([jobs(log, [0] * 8)], Pace(at_once=at_once), nothing)
    running = most = 0
    for line in log.read_text().splitlines():
        running += 1 if line.startswith("begin") else -1
        most = max(most, running)
    assert (running, most) in [(0, number) for number in range(1, at_once + 1)]
    assert log.read_text().count("begin") == 8


def test_a_failed_canary_keeps_the_others_from_starting(log: Path) -> None:
    canary, *others = jobs(log, [4, 0, 0])
    work = carry_out([[canary], others], Pace(at_once=2, tolerated=0), nothing)
    assert [(it.wave, it.state) for it in work.answers] == [
        (1, State.CHECK_FAILED),
        (2, State.NOT_STARTED),
        (2, State.NOT_STARTED),
    ]
    assert work.stopped == "wave 1: 1 of 1 site failed"
    assert not work.interrupted
    assert log.read_text().count("begin") == 1


def test_changes_that_are_pending_are_no_failure(log: Path) -> None:
    work = carry_out([[it] for it in jobs(log, [3, 0])], Pace(at_once=1, tolerated=0), nothing)
    assert (work.stopped, [it.status for it in work.answers]) == ("", [3, 0])


def test_too_many_failures_stop_within_a_wave_too(log: Path) -> None:
    work = carry_out([jobs(log, [1, 1, 0, 0])], Pace(at_once=1, tolerated=25), nothing)
    assert [it.status for it in work.answers] == [1, 1, None, None]
    assert work.stopped == "2 of 4 sites failed"


def test_where_nothing_was_left_nothing_was_stopped(log: Path) -> None:
    work = carry_out([jobs(log, [1, 1])], Pace(at_once=2, tolerated=0), nothing)
    assert (work.stopped, [it.status for it in work.answers]) == ("", [1, 1])


def test_tolerated_failures_do_not_stop(log: Path) -> None:
    first, second = jobs(log, [1, 0, 0, 0]), [job("last", log)]
    work = carry_out([first, second], Pace(at_once=4, tolerated=25), nothing)
    assert work.stopped == ""
    assert log.read_text().count("begin") == 5


def test_what_cannot_be_read_is_a_failure_of_that_site_only(log: Path) -> None:
    def refuse(printed: Printed) -> Result:
        raise FileError("the plan is not JSON")

    bad = job("bad", log)
    bad = Job(member=bad.member, arguments=bad.arguments, read=refuse)
    work = carry_out([[bad, job("good", log)]], Pace(at_once=1), nothing)
    assert [(it.site, it.status, it.error) for it in work.answers] == [
        ("bad", 1, "the plan is not JSON"),
        ("good", 0, ""),
    ]


def test_ctrl_c_ends_all_that_run_and_starts_no_more(log: Path) -> None:
    def interrupt() -> None:
        end = time.monotonic() + PATIENCE
        while not log.exists() or log.read_text().count("begin") < 2:
            assert time.monotonic() < end
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=interrupt)
    thread.start()
    wave = [job(name, log, what="wait") for name in ("a", "b", "c")]
    work = carry_out([wave, [job("d", log)]], Pace(at_once=2, tolerated=0), nothing)
    thread.join()
    assert work.interrupted
    assert {it.site: it.state for it in work.answers} == {
        "a": State.INTERRUPTED,
        "b": State.INTERRUPTED,
        "c": State.NOT_STARTED,
        "d": State.NOT_STARTED,
    }
    assert signal.getsignal(signal.SIGINT) == before
    pids = [line.split()[1] for line in log.read_text().splitlines()]
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_bug_leaves_nothing_running(log: Path) -> None:
    def broken(text: str) -> None:
        if log.exists() and "begin" in log.read_text():
            raise ZeroDivisionError

    def tell(text: str) -> None:
        end = time.monotonic() + PATIENCE
        while not log.exists():
            assert time.monotonic() < end
            time.sleep(0.01)
        broken(text)

    with pytest.raises(ZeroDivisionError):
        carry_out([[job("a", log, what="wait")]], Pace(at_once=1), tell)
    [pid] = [line.split()[1] for line in log.read_text().splitlines()]
    assert not Path(f"/proc/{pid}").exists()

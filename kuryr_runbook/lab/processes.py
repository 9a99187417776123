"""The lab's supervisor: runs programs, sees that they are well, and tells how they are.

supervisord keeps them running; what each one is lies beside its configuration, so that any later
command knows it without asking the parts of the lab.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import TypeAdapter, ValidationError

from kuryr_runbook.lab import health, identities, launching, supervisord
from kuryr_runbook.lab.programs import Program
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.lab.supervisord import Daemon, Info
from kuryr_runbook.model.errors import LabError

NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
"""Names of programs are names of files and of sections too."""
POLL_SECONDS = 0.2
DEATHS = 3
"""A program that died this often while it was waited for won't come up."""
STRAY_SECONDS = 5.0
"""What is left of a killed supervisord may take this long to end after SIGTERM."""
TAIL_LINES = 20
ASKED_AT_ONCE = 8

_PROGRAM = TypeAdapter(Program)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramState:
    """How a program is."""

    program: Program
    state: str
    """supervisord's word, such as RUNNING; STOPPED when supervisord isn't there either."""
    pid: int
    pids: frozenset[int]
    """The process and its descendants."""
    uptime: float
    memory: int
    """Bytes: proportional set size of them."""
    well: bool
    seen: str
    """What its health check said, or why it doesn't run."""


class Supervisor:
    """Implements `programs.Processes`. May be used by several threads, each its own programs."""

    def __init__(self, settings: LabSettings) -> None:
        self._logs = settings.logs
        self._daemon = Daemon(settings.state / "supervisor", settings.logs)
        self._lock = threading.Lock()

    @property
    def running(self) -> bool:
        """Whether supervisord is there."""
        return self._daemon.alive

    def start(self, program: Program) -> None:
        """Run the program (again, when it changed or died) and wait until it is well.

        Does nothing for a program that runs unchanged and well. Raises LabError with the end of
        its log when it dies again and again, or is not well by its deadline.
        """
        if not NAME.fullmatch(program.name):
            raise LabError(f"program {program.name!r}: expected a name of a-z, 0-9 and hyphens")
        self._ensure_daemon()
        known = self._read(program.name)
        info = self._daemon.info().get(program.name)
        if info is None or known != program:
            self._replace(program)
        elif info.state in (supervisord.RUNNING, supervisord.STARTING):
            if health.ask(program).well:
                return
            if info.uptime >= program.deadline:
                self._restart(program.name)
        elif info.state != supervisord.BACKOFF:
            self._restart(program.name)
        self._wait(program)

    def stop(self, name: str) -> None:
        """Stop the program and forget it; nothing happens when there is none of that name."""
        if name in self._daemon.info():
            self._halt(name)
            with self._lock:
                self._daemon.call("removeProcessGroup", name)
        self._end_leftovers([name])
        for suffix in (".ini", ".sh", ".json", ".pid"):
            (self._daemon.programs / f"{name}{suffix}").unlink(missing_ok=True)

    def shut_down(self) -> None:
        """Stop every program and supervisord; what they are is remembered for `states`."""
        if self._daemon.alive:
            longest = max((p.stop_seconds for p in self.programs()), default=0)
            with contextlib.suppress(LabError):  # what does not go by asking is a stray
                self._daemon.shut_down(longest)
        self._end_strays()

    def names(self) -> tuple[str, ...]:
        """Every program that was started and not forgotten."""
        return tuple(sorted(file.stem for file in self._daemon.programs.glob("*.json")))

    def programs(self) -> tuple[Program, ...]:
        """Every program that was started and not forgotten."""
        known = (self._read(name) for name in self.names())
        return tuple(program for program in known if program is not None)

    def pids(self) -> frozenset[int]:
        """Processes of the programs and their descendants, and supervisord's own."""
        files = [self._daemon.programs / f"{name}.pid" for name in self.names()]
        known = [identity for file in files if (identity := identities.read_identity(file))]
        alive = [i.pid for i in (*known, *self._daemon.identities()) if i.alive]
        return frozenset(pid for leader in alive for pid in family(leader))

    def states(self) -> tuple[ProgramState, ...]:
        """How every program is, asked now."""
        infos = self._daemon.info()
        stopped = Info(state="STOPPED", pid=0, uptime=0.0, said="not started")
        with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
            return tuple(pool.map(lambda p: _state(p, infos.get(p.name, stopped)), self.programs()))

    def log(self, name: str) -> Path:
        """Where the program's output goes."""
        return self._logs / f"{name}.log"

    def _ensure_daemon(self) -> None:
        with self._lock:
            if not self._daemon.alive:
                self._end_strays()
                self._daemon.start()

    def _end_strays(self) -> None:
        """End a supervisord that does not answer, and then what a killed one left.

        They would hold the ports of their successors.
        """
        identities.end(self._daemon.identities(), patience=STRAY_SECONDS)
        self._end_leftovers(self.names())

    def _replace(self, program: Program) -> None:
        self.stop(program.name)
        files = self._daemon.programs
        script = files / f"{program.name}.sh"
        _write(script, launching.render_script(program, files / f"{program.name}.pid"))
        _write(files / f"{program.name}.json", _PROGRAM.dump_json(program, indent=1).decode())
        configuration = supervisord.render_program(program, script, self.log(program.name))
        # supervisord reads all files for each program that it is told to add.
        with self._lock:
            _write(files / f"{program.name}.ini", configuration)
            self._daemon.call("reloadConfig")
            self._daemon.call("addProcessGroup", program.name)
        self._daemon.call("startProcess", program.name, False)  # noqa: FBT003

    def _restart(self, name: str) -> None:
        self._halt(name)
        self._end_leftovers([name])
        self._daemon.call("startProcess", name, False)  # noqa: FBT003

    def _halt(self, name: str) -> None:
        try:
            self._daemon.call("stopProcess", name)
        except supervisord.CallError as error:
            if "NOT_RUNNING" not in str(error):
                raise

    def _wait(self, program: Program) -> None:
        deadline = time.monotonic() + program.deadline
        pids: set[int] = set()
        while True:
            info = self._daemon.info().get(program.name)
            if info is None:
                raise self._failure(program, "supervisord lost it")
            pids |= {info.pid} - {0}
            if info.state == "FATAL" or len(pids) > DEATHS:
                raise self._failure(program, f"it died {max(len(pids), 1)} times ({info.said})")
            runs = info.state in (supervisord.RUNNING, supervisord.STARTING)
            answer = health.ask(program) if runs else health.Answer(well=False, seen=info.said)
            if answer.well:
                return
            if time.monotonic() > deadline:
                raise self._failure(
                    program, f"not well after {program.deadline:.0f} s, last seen: {answer.seen}"
                )
            time.sleep(POLL_SECONDS)

    def _failure(self, program: Program, seen: str) -> LabError:
        log = self.log(program.name)
        said = "\n    ".join(tail(log, TAIL_LINES)) or "(nothing)"
        return LabError(
            f"{program.name} did not come up: {seen}\n  its log ends with:\n    {said}",
            remedy=f"see {log}, then run `kuryr-runbook lab up` again",
        )

    def _end_leftovers(self, names: Iterable[str]) -> None:
        files = [self._daemon.programs / f"{name}.pid" for name in names]
        found = [known for file in files if (known := identities.read_identity(file))]
        identities.end(found, patience=STRAY_SECONDS)

    def _read(self, name: str) -> Program | None:
        try:
            return _PROGRAM.validate_json((self._daemon.programs / f"{name}.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None


def tail(file: Path, lines: int) -> list[str]:
    """The last lines of a file; none when it isn't there."""
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - 400 * lines))
            return stream.read().decode(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []


def memory(pids: Iterable[int]) -> int:
    """Bytes of memory of the processes, what they share divided among those who share it (PSS)."""
    total = 0
    for pid in pids:
        try:
            total += int(psutil.Process(pid).memory_full_info().pss)
        except psutil.Error:
            continue  # it ended since it was listed
    return total


def family(pid: int) -> frozenset[int]:
    """A process and its descendants; nothing when it doesn't run."""
    try:
        process = psutil.Process(pid)
        return frozenset({pid, *(child.pid for child in process.children(recursive=True))})
    except psutil.Error:
        return frozenset()


def _state(program: Program, info: Info) -> ProgramState:
    runs = info.state in (supervisord.RUNNING, supervisord.STARTING)
    answer = health.ask(program) if runs else health.Answer(well=False, seen=info.said)
    pids = family(info.pid) if info.pid else frozenset()
    return ProgramState(
        program=program,
        state=info.state,
        pid=info.pid,
        pids=pids,
        uptime=info.uptime,
        memory=memory(pids),
        well=answer.well,
        seen=answer.seen,
    )


def _write(file: Path, text: str) -> None:
    # Whole or not at all, and never under a name that supervisord's include matches; a program's
    # environment may hold a password.
    temporary = file.with_name(f".{file.name}.new")
    temporary.touch(mode=0o600)
    temporary.write_text(text)
    temporary.replace(file)

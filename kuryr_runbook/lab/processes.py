"""The lab's supervisor: runs programs, waits until they are healthy, and reports their state.

supervisord keeps them running. Each program's description is saved beside its configuration, so
that any later command knows it without asking the parts of the lab.
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
"""Names of programs are also names of files and of sections."""
POLL_SECONDS = 0.2
DEATHS = 3
"""A program that has died this many times while we wait for it will not come up."""
STRAY_SECONDS = 5.0
"""How long programs left by a killed supervisord may take to end after SIGTERM."""
TAIL_LINES = 20
ASKED_AT_ONCE = 8

_PROGRAM = TypeAdapter(Program)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramState:
    """The state of a program."""

    program: Program
    state: str
    """supervisord's name for it, such as RUNNING; STOPPED if there is no supervisord."""
    pid: int
    pids: frozenset[int]
    """The process and its descendants."""
    uptime: float
    memory: int
    """Bytes: their proportional set size."""
    well: bool
    seen: str
    """The result of its health check, or why it is not running."""


class Supervisor:
    """Implements `programs.Processes`. Several threads may use it, each for its own programs."""

    def __init__(self, settings: LabSettings) -> None:
        self._logs = settings.logs
        self._daemon = Daemon(settings.state / "supervisor", settings.logs)
        self._lock = threading.Lock()

    @property
    def running(self) -> bool:
        """Whether supervisord is running."""
        return self._daemon.alive

    def start(self, program: Program) -> None:
        """Run the program (again, if it changed or died), and wait until it is healthy.

        Does nothing if it is running, unchanged and healthy. Raises LabError with the end of its
        log when it dies repeatedly, or is not healthy by its deadline.
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
        """Stop the program and forget it; does nothing if there is none with that name."""
        if name in self._daemon.info():
            self._halt(name)
            with self._lock:
                self._daemon.call("removeProcessGroup", name)
        self._end_leftovers([name])
        for suffix in (".ini", ".sh", ".json", ".pid"):
            (self._daemon.programs / f"{name}{suffix}").unlink(missing_ok=True)

    def shut_down(self) -> None:
        """Stop every program and supervisord; their descriptions are kept for `states`."""
        if self._daemon.alive:
            longest = max((p.stop_seconds for p in self.programs()), default=0)
            with contextlib.suppress(LabError):  # if it does not stop, it is a stray
                self._daemon.shut_down(longest)
        self._end_strays()

    def names(self) -> tuple[str, ...]:
        """Names of all programs that were started and not forgotten."""
        return tuple(sorted(file.stem for file in self._daemon.programs.glob("*.json")))

    def programs(self) -> tuple[Program, ...]:
        """All programs that were started and not forgotten."""
        known = (self._read(name) for name in self.names())
        return tuple(program for program in known if program is not None)

    def pids(self) -> frozenset[int]:
        """The processes of all programs with their descendants, and supervisord's own."""
        files = [self._daemon.programs / f"{name}.pid" for name in self.names()]
        known = [identity for file in files if (identity := identities.read_identity(file))]
        alive = [i.pid for i in (*known, *self._daemon.identities()) if i.alive]
        return frozenset(pid for leader in alive for pid in family(leader))

    def states(self) -> tuple[ProgramState, ...]:
        """The current state of every program."""
        infos = self._daemon.info()
        stopped = Info(state="STOPPED", pid=0, uptime=0.0, said="not started")
        with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
            return tuple(pool.map(lambda p: _state(p, infos.get(p.name, stopped)), self.programs()))

    def log(self, name: str) -> Path:
        """The file with the program's output."""
        return self._logs / f"{name}.log"

    def _ensure_daemon(self) -> None:
        with self._lock:
            if not self._daemon.alive:
                self._end_strays()
                self._daemon.start()

    def _end_strays(self) -> None:
        """End a supervisord that does not answer, then programs that a killed one left.

        They would occupy their successors' ports.
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
        # supervisord reads all files for each program that it is asked to add.
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
                    program, f"not healthy after {program.deadline:.0f} s, last seen: {answer.seen}"
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
    """The last lines of a file; none if it does not exist."""
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - 400 * lines))
            return stream.read().decode(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []


def memory(pids: Iterable[int]) -> int:
    """Bytes of memory of the processes, with shared memory divided among its users (PSS)."""
    total = 0
    for pid in pids:
        try:
            total += int(psutil.Process(pid).memory_full_info().pss)
        except psutil.Error:
            continue  # it ended since it was listed
    return total


def family(pid: int) -> frozenset[int]:
    """A process and its descendants; nothing if it is not running."""
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
    # Completely or not at all, and never under a name that supervisord's include matches; private,
    # since a program's environment may contain a password.
    temporary = file.with_name(f".{file.name}.new")
    temporary.touch(mode=0o600)
    temporary.write_text(text)
    temporary.replace(file)

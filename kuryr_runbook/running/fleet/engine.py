"""Runs the command of single sites for many, some at the same time, wave after wave.

Each site is the work of a process of its own: what one does, holds or breaks is not shared with the
others, and each takes its site's lock as it always does.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from kuryr_runbook.clients.children import LOOK_SECONDS, Child, end_all
from kuryr_runbook.clients.files import decoded, read_bytes
from kuryr_runbook.model.errors import ExitCode, FileError
from kuryr_runbook.model.fleet import Member, SiteAnswer, is_too_much
from kuryr_runbook.model.wording import counted
from kuryr_runbook.running.fleet.answers import Printed, Result
from kuryr_runbook.running.interrupts import one_interrupt, postponed

CALL = "from kuryr_runbook.cli import main; main(prog_name='kuryr-runbook')"
"""What the program does, whatever is or is not on the PATH."""
ENDING_SECONDS = 120.0
"""After Ctrl-C: a run waits for its steps in progress, writes its record and releases its lock."""
MOST_PRINTED = 256 << 20
"""Bytes of an answer; the largest are plans of whole sites, with a few megabytes."""
GOOD = (ExitCode.DONE, ExitCode.CHANGES_PENDING)
"""Statuses that do not count as a failure of a wave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The work for one site."""

    member: Member
    arguments: tuple[str, ...]
    """Of kuryr-runbook."""
    read: Callable[[Printed], Result]
    """What the command's output means. May raise FileError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast to go, and when to stop."""

    at_once: int
    tolerated: float = 100.0
    """The percentage of a wave's sites that may fail: with more, nothing further is started."""


@dataclass(slots=True)
class Work:
    """What has been done so far."""

    pace: Pace
    tell: Callable[[str], None]
    answers: list[SiteAnswer] = field(default_factory=list)
    stopped: str = ""
    """Why nothing more is started; in the end empty if nothing was left out."""
    interrupted: bool = False


def carry_out(waves: Sequence[Sequence[Job]], pace: Pace, tell: Callable[[str], None]) -> Work:
    """Work on the waves in order, and within a wave on several sites at the same time.

    `tell` gets a line when a site begins and when it ends. Ctrl-C ends what is under way, as Ctrl-C
    on each command would, and starts nothing more; what became of each site is in the answers.
    """
    work = Work(pace, tell)
    with TemporaryDirectory(prefix="kuryr-fleet-") as folder, one_interrupt():
        for number, wave in enumerate(waves, 1):
            of = _Wave(wave, number if len(waves) > 1 else None, Path(folder), work)
            of.carry_out()
    if not work.interrupted and all(answer.status is not None for answer in work.answers):
        work.stopped = ""
    return work


class _Wave:
    """One wave."""

    def __init__(self, jobs: Sequence[Job], number: int | None, folder: Path, work: Work) -> None:
        self._size, self._number, self._folder, self._work = len(jobs), number, folder, work
        self._waiting = deque(jobs)
        self._running: list[tuple[Job, Child]] = []
        self._failed = 0

    def carry_out(self) -> None:
        """Start and collect until all have ended, or too many have failed."""
        try:
            while self._running or (self._waiting and not self._work.stopped):
                self._start_some()
                time.sleep(LOOK_SECONDS)
                self._collect()
        except KeyboardInterrupt:
            self._work.interrupted, self._work.stopped = True, "interrupted"
            self._work.tell(f"interrupted: ending {counted(len(self._running), 'site')}")
        finally:
            end_all([child for _, child in self._running], ENDING_SECONDS)
        self._collect()
        for job in self._waiting:
            self._keep(SiteAnswer(site="", file=job.member.file, status=None), job)

    def _start_some(self) -> None:
        while self._waiting and len(self._running) < self._work.pace.at_once:
            if self._work.stopped:
                return
            with postponed():
                job = self._waiting.popleft()
                child = Child(
                    [sys.executable, "-P", "-c", CALL, *job.arguments],
                    stdout=self._folder / f"{job.member.name}.out",
                    stderr=self._folder / f"{job.member.name}.err",
                )
                self._running.append((job, child))
            self._work.tell(f"{job.member.name}: started")

    def _collect(self) -> None:
        for job, child in [it for it in self._running if it[1].status is not None]:
            with postponed():
                self._running.remove((job, child))
                answer = self._keep(_answer(job, child), job)
            self._failed += answer.status not in GOOD
            self._work.tell(f"{answer.site}: {answer.state}, {answer.seconds:.1f} s")
        too_much = is_too_much(self._failed, self._size, self._work.pace.tolerated)
        if too_much and not self._work.stopped:
            where = f"wave {self._number}: " if self._number else ""
            self._work.stopped = f"{where}{self._failed} of {counted(self._size, 'site')} failed"

    def _keep(self, answer: SiteAnswer, job: Job) -> SiteAnswer:
        kept = replace(answer, site=job.member.name, wave=self._number)
        self._work.answers.append(kept)
        return kept


def _answer(job: Job, child: Child) -> SiteAnswer:
    """The answer in what the child printed, of which nothing stays on the disk."""
    status = ExitCode.FAILED if child.status is None else child.status
    try:
        stdout, stderr = (_taken(path) for path in (child.stdout, child.stderr))
        found = job.read(Printed(status=status, stdout=stdout, stderr=stderr))
    except FileError as error:
        found = Result(error=str(error))
        status = status or ExitCode.FAILED
    return SiteAnswer(
        site="",
        file=job.member.file,
        status=status,
        seconds=round(child.seconds, 1),
        summary=found.summary,
        error=found.error,
        data=found.data,
    )


def _taken(path: Path) -> str:
    content = read_bytes(path, "answer", most=MOST_PRINTED)
    path.unlink()
    return decoded(content, f"answer {path.name}")

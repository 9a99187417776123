"""Errors with a way out: one root, one subclass for each thing that a caller does next."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from kuryr_runbook.model import visible


class ExitCode(IntEnum):
    """The exit statuses of all commands; the README says when each occurs."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    CHANGES_PENDING = 3
    CHECK_FAILED = 4
    CHECK_UNKNOWN = 5
    UNREACHABLE = 6
    INTERRUPTED = 130
    """As shells report a process that Ctrl-C ended."""


class RunbookError(Exception):
    """Anything that the runbook refuses or fails at, in words for the operator.

    `message` names the object, what was expected and what was seen; `remedy` says what to do. Both
    are made visible and cut to a bounded length, since they often quote what came from outside.
    """

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        self.message = visible.message(message)
        self.remedy = visible.message(remedy) if remedy else remedy
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message}\n  -> {self.remedy}" if self.remedy else self.message

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback: the message is all that an operator needs."""
        return [f"{type(self).__name__}: {self}"]


class SiteError(RunbookError):
    """A site file that cannot be used; lists every problem, not just the first."""

    exit_code = ExitCode.USAGE

    def __init__(self, message: str, problems: Sequence[str] = (), *, remedy: str | None = None):
        super().__init__("\n  ".join([message, *problems]), remedy=remedy)
        self.problems = tuple(problems)


class UsageError(RunbookError):
    """The command, the machine or an input file is not what the command needs."""

    exit_code = ExitCode.USAGE


class FileError(UsageError):
    """A file that was handed in cannot be read, or does not hold what it should."""


class AccessError(RunbookError):
    """The cloud, the cluster or a registry answered, and said no (401, 403, untrusted CA)."""


class UnreachableError(RunbookError):
    """The cloud, the cluster or a registry did not answer."""

    exit_code = ExitCode.UNREACHABLE


class DriftError(RunbookError):
    """What is there is neither what was planned for nor what may be changed safely."""


class ApprovalError(RunbookError):
    """A person has to approve the plan first; nothing was changed."""


class EarlierPhaseError(DriftError):
    """A phase needs what an earlier one has not made yet."""


class LockedError(RunbookError):
    """Another run has the site; nothing was changed."""


class LockLostError(RunbookError):
    """The lock of the site could not be kept, so what was under way was stopped."""


class ApplyError(RunbookError):
    """A step failed; what was done before it stands."""


class CheckError(RunbookError):
    """A check said fail."""

    exit_code = ExitCode.CHECK_FAILED


class UnknownError(RunbookError):
    """A check could not look."""

    exit_code = ExitCode.CHECK_UNKNOWN


class DeadlineError(RunbookError):
    """A wait reached its deadline; the message says what was seen last."""


class RecordError(RunbookError):
    """The record of a run could not be written or does not hold."""


class LabError(RunbookError):
    """A part of the lab did not come up or cannot run on this machine."""

"""Errors with a remedy: one base class, and a subclass for each way a caller may react."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from kuryr_runbook.model import visible


class ExitCode(IntEnum):
    """The exit statuses of all commands; the README explains them."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    CHANGES_PENDING = 3
    CHECK_FAILED = 4
    CHECK_UNKNOWN = 5
    UNREACHABLE = 6
    INTERRUPTED = 130
    """The status that shells report for a process ended by Ctrl-C."""


class RunbookError(Exception):
    """Anything that the runbook refuses or fails to do, in words for the operator.

    `message` names the object, what was expected and what was found; `remedy` says what to do. Both
    are made visible and limited in length, since they often quote text from outside.
    """

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        self.message = visible.message(message)
        self.remedy = visible.message(remedy) if remedy else remedy
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message}\n  -> {self.remedy}" if self.remedy else self.message

    def _render_traceback_(self) -> list[str]:
        """Shown by IPython instead of a traceback: an operator only needs the message."""
        return [f"{type(self).__name__}: {self}"]


class SiteError(RunbookError):
    """A site file is invalid; lists every problem, not just the first."""

    exit_code = ExitCode.USAGE

    def __init__(self, message: str, problems: Sequence[str] = (), *, remedy: str | None = None):
        super().__init__("\n  ".join([message, *problems]), remedy=remedy)
        self.problems = tuple(problems)


class UsageError(RunbookError):
    """The command, the machine or an input file is not what the command needs."""

    exit_code = ExitCode.USAGE


class FileError(UsageError):
    """A given file cannot be read, or does not contain what it should."""


class AccessError(RunbookError):
    """The cloud, the cluster or a registry refused access (401, 403, untrusted CA)."""


class UnreachableError(RunbookError):
    """The cloud, the cluster or a registry did not answer."""

    exit_code = ExitCode.UNREACHABLE


class DriftError(RunbookError):
    """Something is neither as it was when planned, nor safe to change."""


class ApprovalError(RunbookError):
    """A person has to approve the plan first; nothing was changed."""


class EarlierPhaseError(DriftError):
    """A phase needs something that an earlier one has not created yet."""


class LockedError(RunbookError):
    """Another run has locked the site; nothing was changed."""


class LockLostError(RunbookError):
    """The lock of the site was lost, so everything in progress was stopped."""


class ApplyError(RunbookError):
    """A step failed; earlier steps are not undone."""


class CheckError(RunbookError):
    """A check failed."""

    exit_code = ExitCode.CHECK_FAILED


class UnknownError(RunbookError):
    """A check could not get an answer."""

    exit_code = ExitCode.CHECK_UNKNOWN


class DeadlineError(RunbookError):
    """A wait reached its deadline; the message says what was last seen."""


class RecordError(RunbookError):
    """The record of a run could not be written, or is not valid."""


class LabError(RunbookError):
    """A part of the lab did not start, or cannot run on this machine."""

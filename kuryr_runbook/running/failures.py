"""Turns exceptions of papermill and nbclient into one message for the operator."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

from kuryr_runbook.display.unforeseen import unforeseen
from kuryr_runbook.model.errors import ExitCode, RunbookError

TRACEBACK = ".traceback.txt"
"""Replaces `.ipynb` in the name of the file with an unexpected error's traceback."""


class PhaseError(RunbookError):
    """A phase failed in its kernel; has the exit code of the error that was raised there."""

    def __init__(
        self, message: str, *, remedy: str | None = None, exit_code: ExitCode = ExitCode.FAILED
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.exit_code = exit_code


def phase_error(
    error: Exception, *, notebook: Path, step: str, redacted: Callable[[str], str]
) -> RunbookError:
    """The error to report when an exception ended a notebook in that step.

    An unexpected one leaves its traceback beside the notebook; `redacted` removes the secrets.
    """
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    from kuryr_runbook.running.engine import SilentKernelError

    match error:
        case PapermillExecutionError() if kind := _kinds().get(error.ename):
            return PhaseError(redacted(error.evalue), exit_code=kind.exit_code)
        case SilentKernelError():
            return PhaseError(
                f"{notebook}: the kernel stopped answering in step '{step}', and was ended",
                remedy="find out who stopped it (kill -STOP, a debugger), and whether the machine "
                "swaps; then run again: what is already done is kept",
            )
        case DeadKernelError():
            return PhaseError(
                f"{notebook}: the kernel died in step '{step}'",
                remedy="see the .kernel.log beside it, and check whether the machine ran out of "
                "memory; then run again: what is already done is kept",
            )
        case CellTimeoutError():
            return PhaseError(
                f"{notebook}: step '{step}' took longer than a cell may take",
                remedy="see the notebook for what it waited for; then run again",
            )
        case PapermillExecutionError():
            summary, text = f"{error.ename}: {error.evalue}", f"{str(error).strip()}\n"
        case _:
            summary = f"{type(error).__name__}: {error}"
            text = "".join(traceback.format_exception(error))
    return unforeseen(f"{notebook}: {summary}", text, notebook.with_suffix(TRACEBACK), redacted)


def _kinds() -> dict[str, type[RunbookError]]:
    """Our own errors by name, which is all that the kernel passes on."""
    found, left = dict[str, type[RunbookError]](), [RunbookError]
    while left:
        kind = left.pop()
        found[kind.__name__] = kind
        left += kind.__subclasses__()
    return found

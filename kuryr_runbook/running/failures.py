"""From what papermill and nbclient raise to the one message for the operator."""

from __future__ import annotations

import traceback
from pathlib import Path

from kuryr_runbook.model.errors import ExitCode, RunbookError

TRACEBACK = ".traceback.txt"
"""In the place of `.ipynb`: the file with the traceback of what nobody foresaw."""


class PhaseError(RunbookError):
    """A phase failed in its kernel; carries the exit code of the error that was raised there."""

    def __init__(
        self, message: str, *, remedy: str | None = None, exit_code: ExitCode = ExitCode.FAILED
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.exit_code = exit_code


def phase_error(error: Exception, *, notebook: Path, step: str) -> PhaseError:
    """What to report of an error that ended a notebook in that step."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    from kuryr_runbook.running.engine import SilentKernelError

    match error:
        case PapermillExecutionError() if kind := _kinds().get(error.ename):
            return PhaseError(error.evalue, exit_code=kind.exit_code)
        case PapermillExecutionError():
            return _unforeseen(error.ename, error.evalue, notebook)
        case SilentKernelError():
            return PhaseError(
                f"{notebook}: the kernel did not answer any more in step '{step}', and was ended",
                remedy="see who stopped it (kill -STOP, a debugger), and whether the machine "
                "swaps; then run again: what is done already is kept",
            )
        case DeadKernelError():
            return PhaseError(
                f"{notebook}: the kernel died in step '{step}'",
                remedy="see the .kernel.log beside it, and whether the machine ran out of memory; "
                "then run again: what is done already is kept",
            )
        case CellTimeoutError():
            return PhaseError(
                f"{notebook}: step '{step}' took longer than a cell may",
                remedy="see in the notebook what it waited for; then run again",
            )
    return _unforeseen(type(error).__name__, str(error), notebook)


def traceback_of(error: Exception) -> str:
    """The traceback of what nobody foresaw; empty where the message says all."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    match error:
        case DeadKernelError() | CellTimeoutError():
            return ""
        case PapermillExecutionError():
            return "" if error.ename in _kinds() else f"{str(error).strip()}\n"
    return "".join(traceback.format_exception(error))


def _unforeseen(name: str, text: str, notebook: Path) -> PhaseError:
    """One line: the rest is in the file."""
    line = next(iter(text.splitlines()), "")
    return PhaseError(
        f"{notebook}: {name}: {line}",
        remedy="this is a defect of the runbook, not of the site: report it with "
        f"{notebook.with_suffix(TRACEBACK)}",
    )


def _kinds() -> dict[str, type[RunbookError]]:
    """Our own errors, which cross the kernel's border by name."""
    found, left = dict[str, type[RunbookError]](), [RunbookError]
    while left:
        kind = left.pop()
        found[kind.__name__] = kind
        left += kind.__subclasses__()
    return found

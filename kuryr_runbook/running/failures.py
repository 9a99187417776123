"""From what papermill and nbclient raise to the one message for the operator."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

from kuryr_runbook.display.unforeseen import unforeseen
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


def phase_error(
    error: Exception, *, notebook: Path, step: str, redacted: Callable[[str], str]
) -> RunbookError:
    """What to report of an error that ended a notebook in that step.

    What nobody foresaw leaves its traceback beside the notebook; `redacted` takes the secrets out.
    """
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    from kuryr_runbook.running.engine import SilentKernelError

    match error:
        case PapermillExecutionError() if kind := _kinds().get(error.ename):
            return PhaseError(redacted(error.evalue), exit_code=kind.exit_code)
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
        case PapermillExecutionError():
            said, text = f"{error.ename}: {error.evalue}", f"{str(error).strip()}\n"
        case _:
            said = f"{type(error).__name__}: {error}"
            text = "".join(traceback.format_exception(error))
    return unforeseen(f"{notebook}: {said}", text, notebook.with_suffix(TRACEBACK), redacted)


def _kinds() -> dict[str, type[RunbookError]]:
    """Our own errors, which cross the kernel's border by name."""
    found, left = dict[str, type[RunbookError]](), [RunbookError]
    while left:
        kind = left.pop()
        found[kind.__name__] = kind
        left += kind.__subclasses__()
    return found

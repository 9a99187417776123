"""From what papermill and nbclient raise to the one message for the operator."""

from __future__ import annotations

from collections.abc import Iterator

from kuryr_runbook.model.errors import ExitCode, RunbookError

INSTALLATION_REMEDY = (
    "this is a defect of the runbook, not of the site: report it with that notebook"
)


class PhaseError(RunbookError):
    """A phase failed in its kernel; carries the exit code of the error that was raised there."""

    def __init__(
        self, message: str, *, remedy: str | None = None, exit_code: ExitCode = ExitCode.FAILED
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.exit_code = exit_code


def phase_error(error: Exception, *, notebook: str, step: str) -> PhaseError:
    """What to tell about an error of papermill's or nbclient's, raised in that step."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    from kuryr_runbook.running.engine import SilentKernelError

    match error:
        case PapermillExecutionError():
            return _raised(error.ename, error.evalue, notebook)
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
        case _:
            return PhaseError(
                f"{notebook}: {type(error).__name__}: {error}", remedy=INSTALLATION_REMEDY
            )


def _raised(name: str, text: str, notebook: str) -> PhaseError:
    known = {kind.__name__: kind for kind in _kinds(RunbookError)}
    if name in known:
        return PhaseError(text, exit_code=known[name].exit_code)
    return PhaseError(f"{notebook}: {name}: {text}", remedy=INSTALLATION_REMEDY)


def _kinds(kind: type[RunbookError]) -> Iterator[type[RunbookError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)

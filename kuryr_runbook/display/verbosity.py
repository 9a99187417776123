"""How much a command says besides its result: `--quiet`, nothing, or `--verbose`.

Results and errors are always shown. Progress is everything else, on standard error. With
`--verbose` it includes a line for each request to an API and each program that is run: method,
address and status, never headers or bodies, and without any secret that this process knows.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from enum import StrEnum
from typing import Any, TextIO

from kuryr_runbook.display.terminal import echo
from kuryr_runbook.model.secrets import REDACTED, SECRET_NAME

VARIABLE = "KURYR_RUNBOOK_VERBOSITY"
"""Tells the kernels of a run; each is a process of its own."""
LOGGER = "kuryr_runbook"
"""The logger above those of all our modules."""
SHOWN_WORDS = 8
"""Words of a program's command line that are shown; there may be many."""


class Verbosity(StrEnum):
    """How much is said besides results and errors."""

    QUIET = "quiet"
    NORMAL = "normal"
    VERBOSE = "verbose"


_chosen = Verbosity.NORMAL


def set_verbosity(chosen: Verbosity) -> None:
    """Decide for this process."""
    global _chosen
    _chosen = chosen
    logger = logging.getLogger(LOGGER)
    _remove_lines(logger)
    logger.setLevel(logging.NOTSET)
    show_requests(lambda line: echo(line, err=True))


def inherit_verbosity() -> None:
    """Decide as the process that started this one did."""
    found = os.environ.get(VARIABLE, "")
    set_verbosity(Verbosity(found) if found in [*Verbosity] else Verbosity.NORMAL)


def inherited() -> dict[str, str]:
    """The environment variable for a process that is to decide as this one did."""
    return {VARIABLE: _chosen}


def is_quiet() -> bool:
    """Whether progress is left out."""
    return _chosen is Verbosity.QUIET


def is_verbose() -> bool:
    """Whether requests and programs are shown, too."""
    return _chosen is Verbosity.VERBOSE


def progress_stream() -> TextIO:
    """Where progress belongs: standard error, or nowhere if it is not wanted."""
    return _Nowhere() if is_quiet() else sys.stderr


@contextmanager
def progress_apart() -> Iterator[None]:
    """What the block prints is progress, not part of the result."""
    with redirect_stdout(progress_stream()):
        yield


def tell(text: str) -> None:
    """Print a line of progress."""
    if not is_quiet():
        echo(text, err=True)


def show_requests(show: Callable[[str], None]) -> None:
    """With `--verbose`, give each line about a request or a program to `show` from now on."""
    if not is_verbose():
        return
    logger = logging.getLogger(LOGGER)
    _remove_lines(logger)
    logger.addHandler(_Lines(show))
    logger.setLevel(logging.INFO)
    _hear_of_programs()


def _remove_lines(logger: logging.Logger) -> None:
    for handler in [it for it in logger.handlers if isinstance(it, _Lines)]:
        logger.removeHandler(handler)


class _Lines(logging.Handler):
    """Passes on the messages, without secrets."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__()
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        from kuryr_runbook.clients.secrets import known_here

        self._show(known_here().redacted(record.getMessage()))


class _Nowhere(io.StringIO):
    """A stream that drops what it is given."""

    def write(self, text: str) -> int:
        return len(text)


_hearing = False


def _hear_of_programs() -> None:
    """Log every program that this process starts, whichever module starts it."""
    global _hearing
    if not _hearing:
        # A hook stays until the process ends.
        sys.addaudithook(_program)
        _hearing = True


def _program(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen" and is_verbose():
        given = arguments[1]
        words = [given] if isinstance(given, str) else [os.fsdecode(word) for word in given]
        more = " ..." if len(words) > SHOWN_WORDS else ""
        shown = " ".join(without_secrets(words[:SHOWN_WORDS]))
        logging.getLogger(f"{LOGGER}.programs").info("program: %s%s", shown, more)


def without_secrets(words: Iterable[str]) -> Iterator[str]:
    """The words of a command line without the values of options that name a secret."""
    hidden = False
    for word in words:
        name, given, _ = word.partition("=")
        is_secret = name.startswith("-") and SECRET_NAME.search(name) is not None
        if hidden:
            yield REDACTED
        else:
            yield f"{name}={REDACTED}" if is_secret and given else word
        hidden = is_secret and not given

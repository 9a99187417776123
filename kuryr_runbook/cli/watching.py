"""`--watch`: an answer again and again, until Ctrl-C."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn, TypeVar, cast

import click

from kuryr_runbook.cli.errors import wrapped
from kuryr_runbook.display.terminal import echo
from kuryr_runbook.model.errors import ExitCode, RunbookError

Command = TypeVar("Command", bound=Callable[..., Any])

INTERVAL_SECONDS = 10.0
"""From the start of one look to the start of the next."""
LEAST_SECONDS = 1.0
"""Between two looks, however long they take: others need the APIs, too."""
MOST_SECONDS = 86400.0
"""A day; infinity cannot be waited for."""


class Seconds(click.FloatRange):
    """A number of seconds: also refuses NaN, which is neither too small nor too large."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


def watch_options(command: Command) -> Command:
    """The options --watch and --interval, as `every`: seconds, or None to answer once."""

    @click.option(
        "--watch", is_flag=True, help="Look again and again, until Ctrl-C; exit status 130 then."
    )
    @click.option(
        "--interval",
        type=Seconds(LEAST_SECONDS, MOST_SECONDS),
        help=f"Seconds from one look to the next, with --watch [default: {INTERVAL_SECONDS:.0f}].",
    )
    @wraps(command)
    def call(*arguments: Any, watch: bool, interval: float | None, **given: Any) -> Any:
        if interval is not None and not watch:
            raise click.UsageError("--interval is only for --watch")
        every = (interval or INTERVAL_SECONDS) if watch else None
        return command(*arguments, every=every, **given)

    return cast("Command", call)


def keep_looking(
    look: Callable[[], object],
    every: float,
    *,
    wait: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> NoReturn:
    """Call `look` every so many seconds, until KeyboardInterrupt.

    What it cannot do now it may be able to do later: errors are printed, unless they are in how the
    command was called.
    """
    while True:
        began = clock()
        try:
            look()
        except RunbookError as error:
            if error.exit_code is ExitCode.USAGE:
                raise
            echo(wrapped(f"error: {error}"), err=True)
        wait(max(began + every - clock(), LEAST_SECONDS))

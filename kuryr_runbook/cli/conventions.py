"""What all commands have in common: help with examples, how much is said, colours, exit statuses.

`tests/cli/test_conventions.py` walks the tree of commands and asks each for all of it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import click

from kuryr_runbook.display.terminal import set_color
from kuryr_runbook.display.verbosity import Verbosity, set_verbosity
from kuryr_runbook.model.errors import ExitCode, UsageError

HELP_NAMES = ("-h", "--help")
EVERYWHERE: Mapping[ExitCode, str] = {
    ExitCode.FAILED: "failed",
    ExitCode.USAGE: "wrong usage",
    ExitCode.UNREACHABLE: "no answer",
    ExitCode.INTERRUPTED: "interrupted",
}
"""Exit statuses with which any command may end, besides 0."""
_CHOSEN = f"{__name__}.verbosity"


def common_options() -> list[click.Parameter]:
    """The options that every command has, besides --help."""
    return [
        click.Option(
            ("-v", "--verbose"),
            is_flag=True,
            expose_value=False,
            callback=partial(_choose, Verbosity.VERBOSE),
            help="Show each request and each program that is run, too.",
        ),
        click.Option(
            ("-q", "--quiet"),
            is_flag=True,
            expose_value=False,
            callback=partial(_choose, Verbosity.QUIET),
            help="Show results and errors only, no progress.",
        ),
        click.Option(
            ("--color",),
            type=click.Choice(("auto", "always", "never")),
            expose_value=False,
            callback=_color,
            help="When to use colours; auto: on terminals, unless NO_COLOR is set [default: auto].",
        ),
    ]


def _choose(wanted: Verbosity, ctx: click.Context, param: click.Parameter, given: bool) -> None:  # noqa: FBT001
    if not given:
        return
    # The groups above share it: `-q` before the command counts, too.
    if ctx.meta.setdefault(_CHOSEN, wanted) is not wanted:
        raise click.UsageError("--verbose and --quiet contradict each other", ctx)
    set_verbosity(wanted)


def _color(ctx: click.Context, param: click.Parameter, choice: str | None) -> None:
    if choice is not None:
        set_color(choice)


class Command(click.Command):
    """A command with the common options, whose help ends with exit statuses and examples."""

    def __init__(
        self,
        *arguments: Any,
        examples: Sequence[str] = (),
        exits: Mapping[int, str] | None = None,
        **more: Any,
    ) -> None:
        """`examples` are command lines; `exits` say what a status means for this command.

        The rest is click's.
        """
        super().__init__(*arguments, **more)
        self.context_settings.setdefault("help_option_names", HELP_NAMES)
        self.params += common_options()
        self.examples = tuple(examples)
        self.exits: dict[int, str] = {ExitCode.DONE: "done", **(exits or {})}

    def invoke(self, ctx: click.Context) -> Any:
        """Run it. Raises UsageError in a directory that was deleted, where no path means anything.

        Only help is given there: it has ended the program before.
        """
        try:
            os.getcwd()
        except FileNotFoundError as error:
            raise UsageError(
                "the current directory was deleted", remedy="change to another one: cd DIRECTORY"
            ) from error
        return super().invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write exit statuses and examples."""
        with formatter.section("Exit status"):
            formatter.write_dl([(str(int(code)), text) for code, text in self.exits.items()])
            indent = " " * formatter.current_indent
            others = click.wrap_text(self.other_exits, formatter.width, indent, indent)
            formatter.write(f"{others}\n")
        with formatter.section("Examples"):
            for line in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")

    @property
    def other_exits(self) -> str:
        """The statuses that mean the same for all commands, in a sentence."""
        others = [
            f"{int(code)} {text}" for code, text in EVERYWHERE.items() if code not in self.exits
        ]
        return f"Otherwise {', '.join(others)}."


class Group(Command, click.Group):
    """A group of such commands."""

    command_class = Command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command of the group that was called."""
        return click.Group.invoke(self, ctx)

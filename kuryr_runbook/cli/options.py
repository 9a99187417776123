"""Options that several commands share, each in one place."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Any, TypeVar, cast

import click

from kuryr_runbook.cli.paths import UserPath
from kuryr_runbook.display.terminal import ANY_WIDTH, clear_terminal, echo, echo_json, echo_yaml
from kuryr_runbook.model.variables import SITE_VARIABLE

Command = TypeVar("Command", bound=Callable[..., Any])


def site_option(
    help_text: str = "The site file, such as parameters/lab.yaml.", *, required: bool = False
) -> Callable[[Command], Command]:
    """The option --site, as `site_file`; the environment variable takes its place."""
    return click.option(
        "--site",
        "site_file",
        required=required,
        type=UserPath(),
        envvar=SITE_VARIABLE,
        show_envvar=True,
        help=help_text,
    )


PLACE = (
    ("--cloud", "Entry of clouds.yaml [default: OS_CLOUD, else the OS_* variables]."),
    ("--clouds-yaml", "The clouds.yaml with that entry."),
    ("--kubeconfig", "The kubeconfig [default: KUBECONFIG, else ~/.kube/config]."),
    ("--context", "Context of the kubeconfig [default: its current one]."),
)


def place_options(command: Command) -> Command:
    """The options that name cloud and cluster where there is no site file yet."""
    for name, help_text in reversed(PLACE):
        command = click.option(name, help=help_text)(command)
    return command


fail_on_option = click.option(
    "--fail-on",
    type=click.Choice(["warn", "fail"]),
    default="fail",
    show_default=True,
    help="The least severe finding that makes the exit status 4.",
)
"""The option --fail-on, as `fail_on`."""


class Output(StrEnum):
    """The form of a command's answer."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"

    @property
    def is_data(self) -> bool:
        """Whether it is for machines: standard output then has the document and nothing else."""
        return self in (Output.JSON, Output.YAML)


def output_options(command: Command) -> Command:
    """The options --output and --json, as `output`."""

    @click.option(
        "-o",
        "--output",
        type=click.Choice([form.value for form in Output]),
        help="Form of the answer; wide shows everything, on lines of any length [default: table].",
    )
    @click.option("--json", "as_json", is_flag=True, help="The same as --output json.")
    @wraps(command)
    def call(*arguments: Any, output: str | None, as_json: bool, **given: Any) -> Any:
        if as_json and output not in (None, Output.JSON):
            raise click.UsageError(f"--json and --output {output} contradict each other")
        chosen = Output.JSON if as_json else Output(output or Output.TABLE)
        return command(*arguments, output=chosen, **given)

    return cast("Command", call)


def answer(
    output: Output,
    text: Callable[[], object],
    data: Callable[[], Any],
    *,
    again: bool = False,
) -> None:
    """Print the answer in that form: what `text` makes for people, or `data` for machines.

    Nothing is printed for an empty text, but data always is. With `again` it is one of several
    answers: it takes the last one's place on a terminal, and is a line, or a document, of its own
    for machines.
    """
    match output:
        case Output.JSON:
            echo_json(data(), indent=None if again else 2)
        case Output.YAML:
            echo_yaml(data(), is_one_of_several=again)
        case Output.TABLE | Output.WIDE:
            shown = text()
            if again:
                clear_terminal()
            if shown:
                echo(shown, width=ANY_WIDTH if output is Output.WIDE else None)

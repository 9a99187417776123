"""The command line: thin click commands over the layers below.

`--help` is instant, since a command's module is imported only when the command is called.
"""

from __future__ import annotations

import gc
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from kuryr_runbook.cli.conventions import Group
from kuryr_runbook.cli.errors import exit_on_error, visible_usage
from kuryr_runbook.display.terminal import guard_logging, set_color
from kuryr_runbook.display.verbosity import Verbosity, set_verbosity

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("kuryr_runbook.cli.init:init", "Draft a site file for a cloud and a cluster."),
    "audit": (
        "kuryr_runbook.cli.audit:audit",
        "Look at a Kuryr that somebody installed, without a site file.",
    ),
    "plan": ("kuryr_runbook.cli.plan:plan", "Show what a run would change."),
    "run": ("kuryr_runbook.cli.run:run", "Install Kuryr: execute the phases for a site."),
    "notebooks": (
        "kuryr_runbook.cli.notebooks:notebooks",
        "Step through the phases in JupyterLab.",
    ),
    "diagnose": ("kuryr_runbook.cli.diagnose:diagnose", "Find out what is wrong with Kuryr."),
    "teardown": ("kuryr_runbook.cli.run:teardown", "Remove what the runbook made for a site."),
    "rotate-credentials": (
        "kuryr_runbook.cli.credentials:rotate_credentials",
        "Give Kuryr new credentials for OpenStack.",
    ),
    "records": (
        "kuryr_runbook.cli.records:records",
        "List, compare, verify and export the records of runs.",
    ),
    "fleet": (
        "kuryr_runbook.cli.fleet:fleet",
        "Plan, run and diagnose many sites, and show how they are.",
    ),
    "monitoring": (
        "kuryr_runbook.cli.monitoring:monitoring",
        "Print what a Prometheus needs to watch Kuryr.",
    ),
    "releases": (
        "kuryr_runbook.cli.releases:releases",
        "Show what works with which release of Kuryr.",
    ),
    "docs": ("kuryr_runbook.cli.docs:docs", "Show a page of the documentation."),
    "lab": ("kuryr_runbook.cli.lab:lab", "Manage the embedded OpenStack and Kubernetes."),
    "version": ("kuryr_runbook.cli.releases:version", "Print the version."),
}
"""The name of each command, where it is defined, and its line in the help."""
GARBAGE_AFTER = 50_000
"""Objects made between two searches for garbage. By default it is 700, and Python searches dozens
of times while modules are imported, in vain: a tenth of a short command's time."""


class LazyGroup(Group):
    """A group that imports a command when it is called, and turns errors into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of COMMANDS, which is the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands and options that begin so; commands without importing them."""
        from click.shell_completion import CompletionItem

        commands = [
            CompletionItem(name, help=line)
            for name, (_, line) in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        """Parse the group's own options."""
        set_verbosity(Verbosity.NORMAL)
        set_color("auto")
        with visible_usage():
            return super().make_context(*args, **more)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; our errors become a message and an exit code."""
        gc.set_threshold(GARBAGE_AFTER)
        guard_logging()
        with exit_on_error():
            return super().invoke(ctx)


@click.group(
    cls=LazyGroup,
    examples=[
        "kuryr-runbook init my-site.yaml --cloud my-cloud",
        "kuryr-runbook plan --site my-site.yaml",
        "kuryr-runbook run --site my-site.yaml",
        "kuryr-runbook diagnose --site my-site.yaml",
    ],
)
@click.version_option(package_name="kuryr-runbook", message="%(package)s %(version)s")
def main() -> None:
    """Kuryr networking for Kubernetes on OpenStack, as an executable runbook.

    The options below come before the command; -h, -v, -q and --color may also come
    after it.
    """

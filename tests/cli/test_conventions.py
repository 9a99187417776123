"""What holds for every command, found by walking the tree of commands: a new one is asked, too."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from support.repository import REPOSITORY

from kuryr_runbook.cli import main
from kuryr_runbook.cli.conventions import Command
from kuryr_runbook.display.verbosity import Verbosity
from kuryr_runbook.model.errors import ExitCode, UsageError
from kuryr_runbook.model.variables import SITE_VARIABLE

PROGRAM = "kuryr-runbook"
NO_TABLE = {
    "run": "a run's answer for machines is run.json, and --log-format json while it runs",
    "teardown": "the same",
    "rotate-credentials": "a run of one phase: the same",
    "notebooks": "it serves until Ctrl-C",
    "records export": "its answer is a file",
    "records upload": "a line for each copy",
    "records timestamp": "a line for each time stamp",
    "monitoring rules": "its answer is a file for Prometheus",
    "monitoring dashboard": "its answer is a file for Grafana",
    "monitoring exporters": "its answer is for kubectl",
    "lab up": "nothing but progress",
    "lab env": "its answer is for a shell",
    "lab logs": "its answer is a log",
    "lab down": "nothing but progress",
    "lab destroy": "nothing but progress",
    "version": "one line",
}
"""Commands that answer with no table, and why; all others have --output."""


def walk(path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with its path, the groups before what is in them."""
    command: click.Command = main
    context = click.Context(main)
    for name in path:
        assert isinstance(command, click.Group)
        found = command.get_command(context, name)
        assert found is not None
        command = found
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from walk((*path, name))


ALL = dict(walk())
LEAVES = {path: it for path, it in ALL.items() if not isinstance(it, click.Group)}
every = pytest.mark.parametrize("path", ALL, ids=lambda path: " ".join(path) or PROGRAM)
every_leaf = pytest.mark.parametrize("path", LEAVES, ids=" ".join)


def shown(path: tuple[str, ...], flag: str = "--help") -> str:
    result = CliRunner().invoke(main, [*path, flag], terminal_width=80)
    assert result.exit_code == 0, result.output
    return result.output


def options(command: click.Command) -> dict[str, click.Option]:
    return {
        name: param
        for param in command.params
        if isinstance(param, click.Option)
        for name in (*param.opts, *param.secondary_opts)
    }


def test_the_walk_finds_commands_at_any_depth() -> None:
    assert {(), ("plan",), ("records",), ("records", "verify"), ("lab", "status")} <= ALL.keys()


@every
def test_help_is_asked_for_by_a_letter_too(path: tuple[str, ...]) -> None:
    assert shown(path, "-h") == shown(path, "--help")


@every
def test_help_fits_80_columns(path: tuple[str, ...]) -> None:
    assert max(map(len, shown(path).splitlines())) <= 80


@every
def test_help_ends_with_exit_statuses_and_examples(path: tuple[str, ...]) -> None:
    _, statuses, examples = re.split(r"^(?:Exit status|Examples):\n", shown(path), flags=re.M)
    assert statuses.lstrip().startswith("0  ")
    for code in ExitCode:
        if code in ALL[path].exits:  # type: ignore[attr-defined]
            assert re.search(rf"^ +{code:d}  ", statuses, re.M)
    assert all(f" {code:d} " in statuses for code in (1, 2, 6, 130))
    assert PROGRAM in examples


def examples_of(path: tuple[str, ...]) -> Iterator[list[str]]:
    """The arguments of each of the help's examples."""
    command = ALL[path]
    assert isinstance(command, Command)
    text = "\n".join(command.examples).replace("\\\n", "")
    for line in text.splitlines():
        # What `eval "$(...)"` contains is an example, too.
        words = shlex.split(line.replace('eval "$(', "").replace(')"', ""))
        if words[0] == PROGRAM:
            yield words[1:]


@every
def test_the_program_takes_its_examples(path: tuple[str, ...]) -> None:
    found = [*examples_of(path)]
    assert found, "there is no example"
    for arguments in found:
        assert arguments[: len(path)] == list(path)
        command: click.Command = main
        while isinstance(command, click.Group):
            name, *arguments = arguments
            inner = command.get_command(click.Context(main), name)
            assert inner is not None
            command = inner
        # Not completed, so that files and directories need not exist.
        context = command.make_context(command.name, arguments, resilient_parsing=True)
        assert context.args == []


@every
def test_texts_are_sentences(path: tuple[str, ...]) -> None:
    command = ALL[path]
    assert command.help
    assert command.help.splitlines()[0].endswith(".")
    assert command.help.rstrip().endswith(".")
    for name, option in options(command).items():
        assert option.help, f"{name} has no help"
        assert option.help.endswith("."), f"{name}: {option.help}"


@every
def test_every_command_says_more_or_less_and_with_or_without_colours(path: tuple[str, ...]) -> None:
    assert {"-v", "--verbose", "-q", "--quiet", "--color"} <= options(ALL[path]).keys()


@every
def test_quiet_and_verbose_contradict_each_other(path: tuple[str, ...]) -> None:
    for arguments in ([*path, "-q", "-v"], ["-q", *path, "-v"]):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 2
        assert "contradict" in result.stderr


@every
def test_the_site_can_be_set_once_for_all_commands(path: tuple[str, ...]) -> None:
    site = options(ALL[path]).get("--site")
    if site is not None:
        assert site.envvar == SITE_VARIABLE
        assert SITE_VARIABLE in shown(path)


@every_leaf
def test_every_table_has_a_form_for_machines(path: tuple[str, ...]) -> None:
    has = {"-o", "--output", "--json"} & options(LEAVES[path]).keys()
    if " ".join(path) in NO_TABLE:
        assert not has, "it is no exception any more"
    else:
        assert has == {"-o", "--output", "--json"}, "use cli/options.py, or say why not"


def test_every_exception_is_a_command() -> None:
    assert NO_TABLE.keys() <= {" ".join(path) for path in LEAVES}


@every_leaf
def test_forms_that_contradict_each_other_are_refused(path: tuple[str, ...]) -> None:
    if " ".join(path) in NO_TABLE:
        return
    filled = [*path, *("--site", "x") * ("--site" in options(LEAVES[path]))]
    places = [param for param in LEAVES[path].params if isinstance(param, click.Argument)]
    known = {"file": REPOSITORY / "none.yaml"}
    filled += [str(known.get(it.name or "", REPOSITORY)) for it in places if it.required]
    result = CliRunner().invoke(main, [*filled, "--json", "-o", "yaml"])
    assert result.exit_code == 2
    assert "contradict each other" in " ".join(result.stderr.split())


@every_leaf
def test_a_directory_that_was_deleted_is_reported_as_such(
    path: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    command = LEAVES[path]
    context = command.make_context(command.name, [], resilient_parsing=True)
    with pytest.raises(UsageError, match="the current directory was deleted"):
        command.invoke(context)
    assert shown(path)


def test_exit_statuses_are_documented() -> None:
    table = (REPOSITORY / "docs" / "reference" / "exit-codes.md").read_text()
    for code in ExitCode:
        assert f"| {code:d} |" in table, code


@every
def test_no_status_is_documented_that_there_is_not(path: tuple[str, ...]) -> None:
    assert {*ALL[path].exits} <= {*ExitCode}  # type: ignore[attr-defined]


def test_the_version_is_an_option_and_a_command() -> None:
    said = CliRunner().invoke(main, ["--version"]).output
    assert said == CliRunner().invoke(main, ["version"]).output
    assert re.fullmatch(rf"{PROGRAM} \d+\.\d+\.\d+\S*\n", said)


def test_verbosity_lasts_for_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    from kuryr_runbook.display import verbosity

    seen = []
    for arguments in (["-q", "version"], ["version", "-v"], ["version"]):
        assert CliRunner().invoke(main, arguments).exit_code == 0
        seen.append(verbosity._chosen)
    assert seen == [Verbosity.QUIET, Verbosity.VERBOSE, Verbosity.NORMAL]

"""The examples for systems of continuous integration: their syntax, and that of what they call."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from support.json_schemas import refusal

from kuryr_runbook.cli import main

DIRECTORY = Path(__file__).parents[2] / "docs" / "ci"
FILES = sorted(DIRECTORY.rglob("*.y*ml"))


class Loader(yaml.SafeLoader):
    """YAML with Zuul's tag for what is encrypted."""


def encrypted(loader: Loader, node: yaml.Node) -> list[Any]:
    assert isinstance(node, yaml.SequenceNode)
    return list(loader.construct_sequence(node))


Loader.add_constructor("!encrypted/pkcs1-oaep", encrypted)


def read(path: Path) -> Any:
    return yaml.load(path.read_text(), Loader)  # noqa: S506 - a SafeLoader


def texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from texts(item)
        case list():
            for item in value:
                yield from texts(item)


def commands() -> Iterator[tuple[str, list[str]]]:
    for path in FILES:
        for text in texts(read(path)):
            for line in text.splitlines():
                if match := re.match(r"\.venv/bin/kuryr-runbook ([^|&;]+)", line.strip()):
                    yield path.name, shlex.split(match[1])


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DIRECTORY)))
def test_it_is_yaml(path: Path) -> None:
    assert read(path)


@pytest.mark.parametrize(
    ("file", "schema"),
    [
        ("github-actions.yml", "vendor.github-workflows"),
        ("gitlab-ci.yml", "vendor.gitlab-ci"),
    ],
)
def test_it_fits_the_schema_of_its_system(file: str, schema: str) -> None:
    assert refusal(DIRECTORY / file, "--builtin-schema", schema) == ""


def test_zuul_finds_what_its_configuration_names() -> None:
    items = [next(iter(item.items())) for item in read(DIRECTORY / "zuul.yaml")]
    named = {kind: {body["name"] for k, body in items if k == kind} for kind, _ in items[:-1]}
    assert {kind for kind, _ in items} == {"secret", "semaphore", "job", "project"}
    jobs = [body for kind, body in items if kind == "job"]
    for job in jobs:
        assert {item["secret"] for item in job["secrets"]} <= named["secret"]
        assert set(job["semaphores"]) <= named["semaphore"]
        for key in ("run", "post-run", "cleanup-run"):
            if key in job:
                assert (DIRECTORY / "zuul" / Path(job[key]).name).is_file()
    project = items[-1][1]
    assert {name for pipeline in project.values() for name in pipeline["jobs"]} == named["job"]


def test_every_playbook_has_hosts_and_tasks_and_finds_its_tasks() -> None:
    for path in (DIRECTORY / "zuul").iterdir():
        for item in read(path):
            for task in item.get("tasks", [item]):
                modules = [key for key in task if "." in key]
                assert len(modules) == 1, (path, task)
                if modules[0] == "ansible.builtin.include_tasks":
                    assert (path.parent / task[modules[0]]).is_file()
            assert "hosts" in item or path.name == "prepare.yaml"


@pytest.mark.parametrize("file", ["github-actions.yml", "gitlab-ci.yml"])
def test_the_shell_understands_its_scripts(file: str) -> None:
    scripts = []
    for job in read(DIRECTORY / file).get("jobs", read(DIRECTORY / file)).values():
        if isinstance(job, dict):
            scripts += [step["run"] for step in job.get("steps", ()) if "run" in step]
            for key in ("before_script", "script", "after_script"):
                scripts += job.get(key, ())
    assert scripts
    for script in scripts:
        subprocess.run(["bash", "-n"], input=script, text=True, check=True, timeout=60)


def test_each_system_plans_and_runs() -> None:
    called = {(name, arguments[0]) for name, arguments in commands()}
    for plan, run in (
        ("github-actions.yml", "github-actions.yml"),
        ("gitlab-ci.yml", "gitlab-ci.yml"),
        ("plan.yaml", "run.yaml"),
    ):
        assert {(plan, "plan"), (run, "run")} <= called


def test_what_changes_something_is_never_asked_where_nobody_answers() -> None:
    makefile = DIRECTORY.parents[1] / "Makefile"
    made = re.findall(r"kuryr-runbook (.*)", makefile.read_text())
    called = [*(arguments for _, arguments in commands()), *map(shlex.split, made)]
    changing = [arguments for arguments in called if arguments[0] in ("run", "teardown")]
    assert len(changing) >= 7
    for arguments in changing:
        assert {"--yes", "--plan", "--dry-run"} & {*arguments}, arguments


@pytest.mark.parametrize(("file", "arguments"), list(commands()))
def test_the_commands_have_these_options(file: str, arguments: list[str]) -> None:
    context = click.Context(main)
    command = main.get_command(context, arguments[0])
    assert command is not None, file
    command.make_context(arguments[0], arguments[1:], parent=context)

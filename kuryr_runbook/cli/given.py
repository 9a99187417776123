"""The options that a command was called with, as they belong into the record of its run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from click.core import ParameterSource

GIVEN = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)


def given_arguments() -> tuple[str, ...]:
    """What was given to the current command, by arguments or the environment, without defaults."""
    context = click.get_current_context()
    return tuple(
        text
        for parameter in context.command.params
        if parameter.name and context.get_parameter_source(parameter.name) in GIVEN
        for text in _texts(parameter, context.params.get(parameter.name))
    )


def _texts(parameter: click.Parameter, value: Any) -> Iterator[str]:
    values = value if isinstance(value, tuple) else (value,)
    if not isinstance(parameter, click.Option):
        yield from map(str, values)
        return
    name = max(parameter.opts, key=len)
    if parameter.is_flag:
        yield name if value else max(parameter.secondary_opts or [f"{name}=no"], key=len)
        return
    for each in values:
        yield from (name, str(each))

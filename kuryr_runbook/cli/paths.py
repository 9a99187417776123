"""Paths on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kuryr_runbook.model.paths import expanded


class UserPath(click.Path):
    """A path that may begin with `~` or `~user`, which shells do not expand after `--option=`."""

    def __init__(self, **wanted: Any) -> None:
        """`wanted` are the arguments of click.Path."""
        super().__init__(path_type=Path, **wanted)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, with the home directory expanded."""
        try:
            path = expanded(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return super().convert(path, param, ctx)

"""Paths on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


class UserPath(click.Path):
    """A path that may begin with `~` or `~user`: shells leave it so after `--option=`."""

    def __init__(self, **wanted: Any) -> None:
        """`wanted`: what click's own is asked for."""
        super().__init__(path_type=Path, **wanted)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, below the home directory that it names."""
        from kuryr_runbook.model.site_values import expanded

        try:
            path = expanded(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return super().convert(path, param, ctx)

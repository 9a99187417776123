"""How a run goes about it, whatever the site: the parameter `options` of every notebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import StrictBool, ValidationError

from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.model.site_file import SECTIONS
from kuryr_runbook.model.site_values import File, Section

PARAMETERS: tuple[str, ...] = (*SECTIONS, "record", "dry_run", "options")
"""The names that the parameters cell of every notebook assigns: all keys of a site file, so that
`papermill -f` takes a whole one, and how to go about it."""


class Options(Section):
    """What an operator decides for one run."""

    approved_plan: File | None = None
    """A saved plan: what is not in it is not changed."""
    force_conflicts: StrictBool = False
    """Whether fields of Kubernetes objects are taken from other managers that hold them."""
    resilience: StrictBool = False
    """Whether the verification also disturbs Kuryr and one node, and sees that nothing is lost."""
    keep: tuple[Literal["openstack"], ...] = ()
    """What teardown leaves: `openstack` is all that phase 02 made."""


def parse_options(values: Mapping[str, Any]) -> Options:
    """The options that a notebook's parameter holds. Raises UsageError with all problems."""
    try:
        return Options.model_validate(values)
    except ValidationError as error:
        problems = [
            f"options.{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
            for item in error.errors()
        ]
        raise UsageError(
            "\n  ".join(["the options cannot be used:", *problems]),
            remedy=f"known are {', '.join(Options.model_fields)}",
        ) from error


def options_parameter(options: Options) -> dict[str, Any]:
    """The options as a notebook's parameter: only what is not the default."""
    return options.model_dump(mode="json", exclude_defaults=True)

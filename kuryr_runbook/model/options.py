"""How to run, independently of the site: the parameter `options` of every notebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import StrictBool, ValidationError

from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.model.site_file import SECTIONS
from kuryr_runbook.model.site_values import File, Section

PARAMETERS: tuple[str, ...] = (*SECTIONS, "record", "dry_run", "options")
"""The names that the parameters cell of every notebook assigns: all keys of a site file, so that
`papermill -f` accepts a whole one, and the options."""


class Options(Section):
    """What an operator decides for one run."""

    approved_plan: File | None = None
    """A saved plan: only changes in it are made."""
    force_conflicts: StrictBool = False
    """Whether fields of Kubernetes objects are taken over from other managers that own them."""
    resilience: StrictBool = False
    """Whether the verification also disturbs Kuryr and a node, and checks that nothing is lost."""
    probe_nodes: StrictBool = False
    """Whether preflight starts a short pod on each node, which tries to pull the image and looks at
    the node's interfaces."""
    keep: tuple[Literal["openstack"], ...] = ()
    """What teardown keeps: `openstack` is everything that phase 02 created."""


def parse_options(values: Mapping[str, Any]) -> Options:
    """The options in a notebook's parameter. Raises UsageError with all problems."""
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
    """The options as a notebook's parameter, without those that have their default."""
    return options.model_dump(mode="json", exclude_defaults=True)
